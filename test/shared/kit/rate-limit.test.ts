import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateLimit } from '#shared/kit/rate-limit.ts'

test('lets so many pass in each second, and no more', () => {
  const limit = new RateLimit(3)
  const passed = (from: number) =>
    Array.from({ length: 10 }, (_, i) => limit.passes(from + i)).filter(Boolean).length
  assert.equal(passed(5000), 3)
  assert.equal(passed(5500), 0)
  assert.equal(passed(6000), 3)
})
