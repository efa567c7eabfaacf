import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { BetterWays } from '#shared/mesh/connection/better-way.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'

/** A connection through a relay, and how often it was to be replaced. */
function watching(t: TestContext, state: Partial<PeerLink>) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const link = { dialer: true, isClosed: false, path: 'relayed', openStreams: 0, ...state }
  let dials = 0
  const ways = new BetterWays({
    dial: async () => {
      dials++
      throw new Error('no way')
    },
    random: () => 1
  })
  ways.watch(link as PeerLink)
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      t.mock.timers.tick(1000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { link, ways, pass, dials: () => dials }
}

test('a relay is left as soon as there is a way, which is looked for ever more rarely', async (t) => {
  const { pass, dials, link, ways } = watching(t, {})
  await pass(5000)
  assert.equal(dials(), 1)
  await pass(3_600_000)
  assert.ok(dials() > 10 && dials() < 30, `${dials()}`)
  const before = dials()
  link.path = 'direct'
  await pass(1_000_000)
  assert.equal(dials(), before)
  ways.stop()
})

test('a hole that has opened is taken at once', async (t) => {
  const { dials, link, ways } = watching(t, {})
  ways.hurry((other) => other !== link)
  assert.equal(dials(), 0)
  ways.hurry((other) => other === link)
  assert.equal(dials(), 1)
  ways.stop()
})

test('a stream is not disturbed, and another side has to see to it itself', async (t) => {
  const busy = watching(t, { openStreams: 1 })
  await busy.pass(60_000)
  assert.equal(busy.dials(), 0)
  busy.link.openStreams = 0
  await busy.pass(120_000)
  assert.ok(busy.dials() > 0)
  busy.ways.stop()
  t.mock.timers.reset()
  const accepted = watching(t, { dialer: false })
  await accepted.pass(60_000)
  assert.equal(accepted.dials(), 0)
})
