/** Items in bytes: what is written is read, and what is no item is an error and not a crash. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ITEM_CHARACTERS_MAX, ITEM_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import type { InferenceItem } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import { HaifError } from '#shared/errors.ts'
import { ItemBatch, ITEMS_PER_FRAME_MAX } from '#shared/rpc/items.ts'

const count = fc.nat({ max: 2 ** 31 })
const text = fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: 'grapheme', maxLength: 80 }))
const plain = fc.record({ seq: fc.maxSafeNat(), tokenIds: fc.array(count), text })
const logprob = { token: text, logprob: fc.double({ max: 0, noNaN: true, min: -9999 }) }
const full = fc.record(
  {
    seq: fc.nat(),
    tokenIds: fc.array(count),
    text,
    tokens: fc.nat({ max: 4096 }),
    reasoning: text,
    toolCalls: fc.array(fc.record({ index: fc.nat(20), arguments: text }), { maxLength: 3 }),
    logprobs: fc.array(fc.record({ ...logprob, top: fc.array(fc.record(logprob)) }), {
      maxLength: 3
    }),
    digest: fc.constant('0'.repeat(64)),
    queued: fc.record({ ahead: fc.nat(), waitMs: fc.nat() })
  },
  { requiredKeys: ['seq', 'tokenIds', 'text'] }
)
const items = fc.array(fc.oneof(plain, full), { maxLength: 20 }) as fc.Arbitrary<InferenceItem[]>

const bytesOf = (...batch: InferenceItem[]) => ItemBatch.of(itemCodec, batch).bytes(itemCodec)
const read = (bytes: Uint8Array) => ItemBatch.received(itemCodec, bytes).items()
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('every item comes back as it was, with all its fields', () => {
  fc.assert(
    fc.property(items, (batch) => {
      assert.deepEqual(asJson(read(bytesOf(...batch))), asJson(batch))
    }),
    { numRuns: 300 }
  )
})

test('arbitrary bytes, and items that are cut off, are items or a HaifError', () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(items, fc.nat(200)).map(([batch, cut]) => bytesOf(...batch).subarray(0, cut))
  )
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        for (const item of read(bytes)) assert.ok(item.seq >= 0 && typeof item.text === 'string')
      } catch (error) {
        assert.ok(error instanceof HaifError)
        assert.ok(error.code === 'PEER_LOST' || error.code === 'INTERNAL')
      }
    }),
    { numRuns: 1000 }
  )
})

test('a token costs the bytes of its text and a few more', () => {
  const token = { seq: 1, tokenIds: [65_000], text: ' word' }
  assert.ok(bytesOf(token).length <= 12)
})

test('what does not fit the contract is refused by its reader', () => {
  const ids = Array.from({ length: ITEM_TOKENS_MAX + 1 }, () => 1)
  const misfits: [object, RegExp][] = [
    [{ tokenIds: ids }, /tokenIds/],
    [{ text: 'x'.repeat(ITEM_CHARACTERS_MAX + 1) }, /text/],
    [{ tokens: -1 }, /tokens/],
    [{ queued: { ahead: 'many' } }, /queued/],
    [{ logprobs: [{ token: 'x', logprob: 1, top: [] }] }, /logprob/]
  ]
  for (const [misfit, message] of misfits) {
    const item = { seq: 0, tokenIds: [], text: '', ...misfit } as InferenceItem
    assert.throws(() => read(bytesOf(item)), { code: 'INTERNAL', message })
  }
})

test('a frame of more items than anyone sends is refused, and so costs no memory', () => {
  const item = { seq: 0, tokenIds: [], text: '' }
  const many = Array.from({ length: ITEMS_PER_FRAME_MAX }, () => item)
  assert.equal(read(bytesOf(...many)).length, ITEMS_PER_FRAME_MAX)
  assert.throws(() => read(bytesOf(item, ...many)), { code: 'PEER_LOST' })
})

test('a number that is no whole one is refused by its writer', () => {
  for (const seq of [-1, 1.5, NaN, 2 ** 53]) {
    assert.throws(() => bytesOf({ seq, tokenIds: [], text: '' }), /no whole number/)
  }
})
