import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressLimit } from '#shared/kit/progress-limit.ts'

test('what gets on is not ended, however long it takes; what stands still is', () => {
  let progress = 0
  const limit = new ProgressLimit(100, () => progress)
  assert.equal(limit.isOver(0), false)
  assert.equal(limit.isOver(99), false)
  progress++
  assert.equal(limit.isOver(100), false)
  assert.equal(limit.isOver(199), false)
  assert.equal(limit.isOver(200), true)
})
