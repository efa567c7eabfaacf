import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs } from '#shared/kit/backoff.ts'

test('the waits double up to their bound', () => {
  const waits = [1, 2, 3, 4, 5].map((failures) => {
    return backoffMs({ firstMs: 100, maxMs: 500 }, failures, 0)
  })
  assert.deepEqual(waits, [50, 100, 200, 250, 250])
})

test('a wait is between half of its step and the whole, after however many failures', () => {
  const below1 = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), below1, (failures, random) => {
      const step = Math.min(60_000, 1000 * 2 ** (failures - 1))
      const waitMs = backoffMs({ firstMs: 1000, maxMs: 60_000 }, failures, random)
      assert.ok(waitMs >= step / 2 && waitMs <= step)
    })
  )
})
