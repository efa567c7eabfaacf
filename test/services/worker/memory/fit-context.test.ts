import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  bytesTaken,
  fitContext,
  type MemoryPool
} from '../../../../services/worker/memory/fit-context.ts'

const pool = (freeBytes: number, modestBytes = freeBytes): MemoryPool => {
  return { freeBytes, modestBytes, fixedBytes: 1000, bytesPerToken: 1, bytesPerSlotToken: 10 }
}
const natural = (max: number) => fc.integer({ min: 1, max })
/** Exactly enough for so many slots of so many tokens. */
const roomFor = (slots: number, contextTokens: number) =>
  bytesTaken(pool(0), { slots, contextTokens })

suite('context fit', () => {
  const wish = { slotsMost: 16, trainedTokens: 8192 }

  test('with room for all a model has the context it was trained for, and all slots', () => {
    const fit = fitContext(wish, [pool(1e9)])
    assert.deepEqual(fit, { slots: 16, contextTokens: 8192 })
  })

  test('slots are given up before the context is', () => {
    const fit = (free: number) => fitContext(wish, [pool(free)])
    assert.deepEqual(fit(roomFor(3, 8192)), { slots: 3, contextTokens: 8192 })
    assert.deepEqual(fit(roomFor(1, 8192)), { slots: 1, contextTokens: 8192 })
    assert.deepEqual(fit(roomFor(1, 8192) - 1), { slots: 2, contextTokens: 4096 })
  })

  test('a very long context must leave room for four answers at a time', () => {
    const long = { slotsMost: 16, trainedTokens: 131_072 }
    assert.equal(fitContext(long, [pool(roomFor(4, 131_072))])?.contextTokens, 131_072)
    assert.equal(fitContext(long, [pool(roomFor(4, 131_072) - 1)])?.contextTokens, 65_536)
    const one = fitContext(long, [pool(roomFor(1, 40_960))])
    assert.deepEqual(one, { slots: 1, contextTokens: 40_960 })
  })

  test('beyond four slots only the modest part of the memory is taken', () => {
    const free = roomFor(16, 8192)
    assert.equal(fitContext(wish, [pool(free, roomFor(7, 8192))])?.slots, 7)
    assert.equal(fitContext(wish, [pool(free, roomFor(2, 8192))])?.slots, 4)
    assert.equal(fitContext({ ...wish, shared: true }, [pool(free, roomFor(2, 8192))])?.slots, 2)
    assert.equal(fitContext({ ...wish, shared: true }, [pool(free, 0)])?.slots, 1)
  })

  test('what the owner asks for is given while one slot fits', () => {
    const asked = (more: object, free: number) => fitContext({ ...wish, ...more }, [pool(free, 0)])
    const both = { contextTokens: 2048, slots: 5 }
    assert.deepEqual(asked(both, roomFor(5, 2048)), { slots: 5, contextTokens: 2048 })
    assert.deepEqual(asked(both, roomFor(2, 2048)), { slots: 2, contextTokens: 2048 })
    assert.equal(asked(both, roomFor(1, 2048) - 1), null)
    assert.deepEqual(asked({ slots: 5 }, roomFor(5, 4096)), { slots: 5, contextTokens: 4096 })
    assert.deepEqual(asked({ slots: 64 }, roomFor(3, 512)), { slots: 3, contextTokens: 512 })
    const long = { contextTokens: 131_072, trainedTokens: 131_072 }
    assert.equal(asked(long, roomFor(2, 131_072))?.slots, 2)
    assert.equal(asked({ contextTokens: 9999 }, 1e9)?.contextTokens, 8192)
  })

  test('the tightest pool decides', () => {
    const fit = fitContext(wish, [pool(1e9), pool(roomFor(2, 8192))])
    assert.deepEqual(fit, { slots: 2, contextTokens: 8192 })
  })

  test('with almost nothing free one slot is left, then none', () => {
    const one = fitContext(wish, [pool(roomFor(1, 512))])
    assert.deepEqual(one, { slots: 1, contextTokens: 512 })
    assert.equal(fitContext(wish, [pool(roomFor(1, 512) - 1)]), null)
  })

  test('a pool of which a token takes nothing bounds nothing', () => {
    const ram = { ...pool(2000), bytesPerToken: 0, bytesPerSlotToken: 0 }
    assert.equal(fitContext(wish, [ram, pool(1e9)])?.slots, 16)
  })

  test('whatever is granted fits and is no more than was wished', () => {
    fc.assert(
      fc.property(
        natural(64),
        natural(200_000),
        natural(1e9),
        natural(1e9),
        (slotsMost, trainedTokens, free, modest) => {
          const tight = pool(free, Math.min(free, modest))
          const fit = fitContext({ slotsMost, trainedTokens }, [tight])
          if (fit === null) return
          assert.ok(fit.slots >= 1 && fit.slots <= slotsMost)
          assert.ok(fit.contextTokens <= trainedTokens)
          assert.ok(bytesTaken(tight, fit) <= free)
        }
      )
    )
  })
})

/**
 * The table of docs/models.md: keys and values are layers × heads × head size × 2 × bytes for each
 * token, a step's buffers 2 kB (512 rows of a mask in 16 bits, padded); VRAM after weights.
 */
suite('the defaults on 24 GB', () => {
  const GB = 1e9
  const shapes = {
    '125M': { layers: 12, kvHeads: 12, headSize: 64, trained: 8192, weights: 0.14 * GB },
    '1.1B': { layers: 22, kvHeads: 4, headSize: 64, trained: 8192, weights: 1.2 * GB },
    '8B': { layers: 32, kvHeads: 8, headSize: 128, trained: 131_072, weights: 4.7 * GB }
  }
  const bytesOfValue = { f16: 2, q8_0: 34 / 32 }

  function fit(name: keyof typeof shapes, kv: 'f16' | 'q8_0', onGpu: boolean) {
    const { layers, kvHeads, headSize, trained, weights } = shapes[name]
    const freeBytes = 24 * GB * (onGpu ? 0.9 : 0.8) - weights
    const memory: MemoryPool = {
      freeBytes,
      modestBytes: freeBytes * (onGpu ? 1 : 0.5),
      fixedBytes: 0.3 * GB,
      bytesPerToken: 2048,
      bytesPerSlotToken: layers * kvHeads * headSize * 2 * bytesOfValue[kv]
    }
    const size = fitContext({ trainedTokens: trained, slotsMost: onGpu ? 32 : 16 }, [memory])
    return size === null ? null : [size.contextTokens, size.slots]
  }

  test('are those that docs/models.md shows', () => {
    const of = (kv: 'f16' | 'q8_0', onGpu: boolean) =>
      (['125M', '1.1B', '8B'] as const).map((name) => fit(name, kv, onGpu))
    const small = (slots: number) => Array.from({ length: 2 }, () => [8192, slots])
    assert.deepEqual(of('f16', true), [...small(32), [40_960, 3]])
    assert.deepEqual(of('q8_0', true), [...small(32), [40_960, 5]])
    assert.deepEqual(of('f16', false), [...small(16), [40_960, 2]])
    assert.deepEqual(of('q8_0', false), [...small(16), [40_960, 4]])
  })
})
