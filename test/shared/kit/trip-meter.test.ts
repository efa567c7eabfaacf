import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TripMeter } from '#shared/kit/trip-meter.ts'

test('a trip is measured soon, and a question without an answer changes nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let asked = 0
  const meter = new TripMeter(async () => {
    if (++asked > 1) throw new Error('no answer')
  })
  assert.equal(meter.tripMs, 0)
  t.mock.timers.tick(100)
  await new Promise((resolve) => setImmediate(resolve))
  const { tripMs } = meter
  assert.ok(tripMs > 0)
  t.mock.timers.tick(5000)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([asked, meter.tripMs], [2, tripMs])
  meter.stop()
  t.mock.timers.tick(20_000)
  assert.equal(asked, 2)
})
