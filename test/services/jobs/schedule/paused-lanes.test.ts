import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PausedLanes } from '../../../../services/jobs/schedule/paused-lanes.ts'

test('a lane pauses longer each time, as long as it is told, and not after a success', () => {
  let now = 0
  const lanes = new PausedLanes(
    () => now,
    () => 1
  )
  const lane = { tenant: 'a', needsKey: 'k' }
  assert.equal(lanes.pause(lane, 'no model'), 250)
  assert.equal(lanes.pause(lane, 'no model'), 500)
  assert.equal(lanes.pause(lane, 'too many', 4000), 4000)
  assert.equal(lanes.pause(lane, 'too many', 600_000), 15_000)
  assert.ok(lanes.isPaused(lane))
  assert.equal(lanes.reason(lane), 'too many')
  assert.ok(!lanes.isPaused({ ...lane, tenant: 'b' }))
  now = 15_000
  assert.ok(!lanes.isPaused(lane))
  lanes.resume(lane)
  assert.equal(lanes.pause(lane, 'no model'), 250)
})
