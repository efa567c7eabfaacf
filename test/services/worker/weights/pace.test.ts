/** How fast weights may travel. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../../../../services/worker/weights/pace.ts'

const signal = new AbortController().signal

function paced(bytesPerSecond: number, isBusy = () => false) {
  let now = 0
  const wait = async (ms: number) => void (now += ms)
  const pace = new Pace({ bytesPerSecond, isBusy, now: () => now, wait })
  const moves = async (bytes: number) => {
    const before = now
    for (let left = bytes; left > 0; left -= 1e6) await pace.take(1e6, signal)
    return now - before
  }
  return { moves, pass: (ms: number) => (now += ms) }
}

test('without a bound nothing waits', async () => {
  assert.equal(await paced(Infinity).moves(100e6), 0)
})

test('bytes keep to the rate, and a pause before is no credit but for a moment', async () => {
  const { moves, pass } = paced(10e6)
  assert.equal(await moves(20e6), 1900)
  pass(60_000)
  assert.equal(await moves(20e6), 1900)
})

test('while answers stream, weights have a share, also where the owner gives none', async () => {
  let isBusy = true
  const { moves } = paced(Infinity, () => isBusy)
  const busyMs = await moves(32e6)
  assert.ok(busyMs >= 1900 && busyMs <= 2000, String(busyMs))
  isBusy = false
  assert.equal(await moves(100e6), 0)
})
