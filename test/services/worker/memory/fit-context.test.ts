import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { fitContext } from '../../../../services/worker/memory/fit-context.ts'

const pool = (freeBytes: number) => ({ freeBytes, fixedBytes: 1000, bytesPerToken: 10 })
const natural = (max: number) => fc.integer({ min: 1, max })

suite('context fit', () => {
  const wish = { slots: 8, contextTokens: 8192 }

  test('what fits is granted', () => {
    assert.deepEqual(fitContext({ ...wish, pools: [pool(1e9)] }), wish)
  })

  test('slots are halved before the context is', () => {
    const free = 1000 + 4 * 8192 * 10
    assert.deepEqual(fitContext({ ...wish, pools: [pool(free)] }), { ...wish, slots: 4 })
  })

  test('the tightest pool decides', () => {
    const fit = fitContext({ ...wish, pools: [pool(1e9), pool(1000 + 4 * 2048 * 10)] })
    assert.deepEqual(fit, { slots: 4, contextTokens: 2048 })
  })

  test('with almost nothing free one slot is left, then none', () => {
    const one = fitContext({ ...wish, pools: [pool(1000 + 512 * 10)] })
    assert.deepEqual(one, { slots: 1, contextTokens: 512 })
    assert.equal(fitContext({ ...wish, pools: [pool(0)] }), null)
  })

  test('whatever is granted fits and is no more than was wished', () => {
    fc.assert(
      fc.property(natural(64), natural(200_000), natural(1e9), (slots, contextTokens, free) => {
        const fit = fitContext({ slots, contextTokens, pools: [pool(free)] })
        if (fit === null) return
        assert.ok(fit.slots >= 1 && fit.slots <= slots)
        assert.ok(fit.contextTokens <= contextTokens)
        assert.ok(1000 + fit.slots * fit.contextTokens * 10 <= free)
      })
    )
  })
})
