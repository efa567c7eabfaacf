/** The likeliest tokens, made by one thread and by several. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { nativeArray } from '../../../../../../../../services/worker/engines/llama/child/driver/api/native-memory.ts'
import { Shortlists } from '../../../../../../../../services/worker/engines/llama/child/driver/shortlist/shortlists.ts'
import {
  SHORTLIST_MAX,
  writeShortlist
} from '../../../../../../../../services/worker/engines/llama/child/driver/shortlist/shortlist.ts'

const VOCABULARY = 60_000
const ROWS = 16

/** Numbers that are all different, in an order that looks like none. */
function fill(logits: Float32Array, seed: number): void {
  for (let i = 0; i < logits.length; i++) {
    logits[i] = ((i * 7919 + seed * 104_729) % VOCABULARY) / 1000 - 30
  }
}

function sortedTokens(logits: Float32Array, size: number): number[] {
  const tokens = Array.from(logits, (_, token) => token)
  return tokens.toSorted((a, b) => logits[b]! - logits[a]!).slice(0, size)
}

function shortlistOf(logits: Float32Array, size: number): number[] {
  const list = { ids: new Int32Array(size), logits: new Float32Array(size) }
  const found = writeShortlist(logits, list)
  for (const [i, id] of list.ids.subarray(0, found).entries()) {
    assert.equal(list.logits[i], logits[id])
  }
  return Array.from(list.ids.subarray(0, found))
}

suite('shortlist', () => {
  const logits = new Float32Array(VOCABULARY)
  fill(logits, 1)

  for (const size of [1, 2, 40, SHORTLIST_MAX]) {
    test(`the ${size} likeliest, in order`, () => {
      assert.deepEqual(shortlistOf(logits, size), sortedTokens(logits, size))
    })
  }

  test('of equal tokens the first; of fewer than are wanted all', () => {
    assert.deepEqual(shortlistOf(Float32Array.of(1, 3, 3, 2), 1), [1])
    assert.deepEqual(shortlistOf(Float32Array.of(1, 3, 3, 2), 3), [1, 2, 3])
    assert.deepEqual(shortlistOf(Float32Array.of(1, 3, 2), 40), [1, 2, 0])
  })

  test('tokens that are impossible come last', () => {
    assert.deepEqual(shortlistOf(Float32Array.of(-Infinity, 3, -Infinity), 2), [1, 0])
  })
})

test('several threads make the same shortlists as one, step after step', () => {
  const rows = Array.from({ length: ROWS }, (_, i) => {
    return { ...nativeArray(Float32Array, VOCABULARY), size: i % 3 === 0 ? 1 : 40 }
  })
  const logitsAt = (address: bigint) => rows.find((row) => row.address === address)!.array
  const options = { rowsMax: ROWS, vocabularySize: VOCABULARY, logitsAt }
  const alone = new Shortlists({ ...options, helpers: 0 })
  const helped = new Shortlists({ ...options, helpers: 3 })
  for (let step = 0; step < 60; step++) {
    for (const [i, { array }] of rows.entries()) fill(array, step * ROWS + i)
    // Fewer rows than before: none of the last step may be taken for one of this.
    const wanted = rows.slice(0, 9 + (step % 8))
    const ids = (lists: Shortlists) => lists.of(wanted).map((list) => Array.from(list.ids))
    assert.deepEqual(ids(helped), ids(alone))
  }
})
