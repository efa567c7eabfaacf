import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wayMsOf } from '../../../../services/orchestrator/placement/way-cost.ts'

test('a way without loss or relay costs its round trip alone', () => {
  assert.equal(wayMsOf({ rttMs: 80 }), 0)
  assert.equal(wayMsOf({ rttMs: 80, path: 'direct', lossPercent: 0 }), 0)
})

test('two percent of loss cost about as much as a far continent', () => {
  assert.equal(wayMsOf({ rttMs: 80, path: 'direct', lossPercent: 2 }), 80)
  assert.ok(wayMsOf({ rttMs: 2000, lossPercent: 2 }) > wayMsOf({ rttMs: 80, lossPercent: 2 }))
})

test('of two equal ways the direct one is cheaper', () => {
  const direct = wayMsOf({ rttMs: 40, path: 'direct' })
  assert.ok(wayMsOf({ rttMs: 40, path: 'relayed' }) > direct)
})
