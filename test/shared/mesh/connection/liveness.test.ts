/** When a silent peer is in doubt and when it is gone, with a clock and a stream of the test. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test, type TestContext } from 'node:test'
import type { NoiseSecretStream } from 'hyperdht'
import { keepAliveMsOf, Liveness } from '#shared/mesh/connection/liveness.ts'

const TICK_MS = 250
/** What was promised: a killed peer is out of the view. */
const GONE_MS_MAX = { lan: 3000, internet: 10_000 }

class Stream extends EventEmitter {
  readonly isInitiator = true
  readonly rawStream = { packetsReceived: 0, inflight: 0 }
  readonly rawBytesRead = 0
  destroyed = false
  paceMs = 0
  asked = 0

  setKeepAlive(ms: number): void {
    this.paceMs = ms
  }
  sendKeepAlive(): void {
    this.asked++
  }
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function watched(t: TestContext, host: string | null, isBusy = false) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] })
  const stream = new Stream()
  let now = 0
  let doubts = 0
  const liveness = new Liveness({
    stream: stream as unknown as NoiseSecretStream,
    keepAliveMs: keepAliveMsOf(host),
    isBusy: () => isBusy,
    onDoubt: () => doubts++,
    now: () => now
  })
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      now += TICK_MS
      t.mock.timers.tick(TICK_MS)
    }
  }
  /** Until it counts as gone, from the last packet. */
  const goneAfterMs = () => {
    for (let ms = TICK_MS; ms < 60_000; ms += TICK_MS) {
      pass(TICK_MS)
      if (stream.destroyed) return ms
    }
    return Infinity
  }
  return {
    stream,
    liveness,
    pass,
    goneAfterMs,
    doubts: () => doubts,
    stall: (ms: number) => (now += ms)
  }
}

test('a peer that was killed is gone within 3 s on a local network and 10 s over the internet', (t) => {
  for (const [host, msMax] of [
    [null, GONE_MS_MAX.lan],
    ['192.168.1.7', GONE_MS_MAX.lan],
    ['5.5.5.7', GONE_MS_MAX.internet]
  ] as const) {
    const { stream, pass, goneAfterMs } = watched(t, host)
    for (let heard = 0; heard < 10; heard++) {
      stream.rawStream.packetsReceived++
      pass(1000)
    }
    assert.equal(stream.destroyed, false)
    stream.rawStream.packetsReceived++
    const ms = goneAfterMs()
    assert.ok(ms <= msMax, `${host}: ${ms} ms`)
    // Five keep-alives may get lost on a local network, and three over the internet.
    assert.ok(ms >= keepAliveMsOf(host) * 4, `${host}: ${ms} ms`)
    t.mock.timers.reset()
  }
})

test('a silence is doubted early only where something is under way', (t) => {
  const idle = watched(t, '5.5.5.7')
  idle.pass(5000)
  assert.equal(idle.doubts(), 0)
  assert.equal(idle.stream.paceMs, 2000)
  t.mock.timers.reset()
  const busy = watched(t, '5.5.5.7', true)
  busy.pass(2500)
  assert.ok(busy.doubts() > 0)
  assert.equal(busy.stream.paceMs, 500)
})

test('what was sent and is not acknowledged is doubted, whoever is silent', (t) => {
  const { stream, pass, doubts } = watched(t, '5.5.5.7')
  stream.rawStream.inflight = 100
  pass(2500)
  assert.ok(doubts() > 0)
})

test('a process that has not run for a while asks before it gives anybody up', (t) => {
  const { stream, pass, stall, doubts } = watched(t, '192.168.1.7')
  stall(60_000)
  pass(TICK_MS)
  assert.equal(stream.destroyed, false)
  assert.equal(stream.asked, 1)
  stream.rawStream.packetsReceived++ // the answer
  pass(1000)
  assert.deepEqual([stream.destroyed, doubts()], [false, 0])
})
