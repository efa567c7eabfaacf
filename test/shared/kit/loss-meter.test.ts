import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LossMeter } from '#shared/kit/loss-meter.ts'

const still = () => 0

test('the loss is that of the latest packets, not of all', () => {
  const meter = new LossMeter(still)
  assert.equal(meter.percent(100, 10), 5)
  assert.equal(meter.percent(200, 20), 7.5)
  for (let packets = 300; packets <= 1200; packets += 100) meter.percent(packets, 20)
  assert.ok(meter.percent(1300, 20) < 0.1)
})

test('a few packets are no sample', () => {
  const meter = new LossMeter(still)
  assert.equal(meter.percent(10, 5), 0)
  assert.equal(meter.percent(100, 10), 5)
  assert.equal(meter.percent(110, 20), 5)
})

test('it fades while nothing is sent', () => {
  let now = 0
  const meter = new LossMeter(() => now)
  assert.equal(meter.percent(100, 10), 5)
  now = 10_000
  assert.equal(meter.percent(110, 10), 2.5)
  now = 60_000
  assert.ok(meter.percent(110, 10) < 0.1)
})

test('the counter of 16 bits may begin anew', () => {
  const meter = new LossMeter(still)
  meter.percent(1_000_000, 65_530)
  assert.ok(meter.percent(1_000_100, 4) < 11) // 10 of 100, and what was before
})
