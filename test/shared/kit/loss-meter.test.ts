import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LossMeter } from '#shared/kit/loss-meter.ts'

test('the loss is that of the latest packets, not of all', () => {
  const meter = new LossMeter()
  assert.equal(meter.percent(100, 10), 10)
  for (let packets = 200; packets <= 1000; packets += 100) meter.percent(packets, 10)
  assert.ok(meter.percent(1100, 10) < 0.1)
})

test('a few packets are no sample', () => {
  const meter = new LossMeter()
  assert.equal(meter.percent(10, 5), 0)
  assert.equal(meter.percent(100, 5), 5)
  assert.equal(meter.percent(110, 15), 5)
})

test('the counter of 16 bits may begin anew', () => {
  const meter = new LossMeter()
  meter.percent(1_000_000, 65_530)
  assert.ok(meter.percent(1_000_100, 4) < 11) // 10 of 100, and what was before
})
