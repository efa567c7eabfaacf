/** Which documents retrieval finds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passes, readDocuments } from '../../../../services/jobs/retrieval/documents.ts'
import { rank } from '../../../../services/jobs/retrieval/rank.ts'

const texts = ['The cat sat on the mat', 'Dogs chase cats', 'Stock prices fell', '猫は寝る']
const byWords = texts.map((text) => ({ text, vector: null }))

test('words that are rare count more, and what has none of them is left out', () => {
  const found = rank(byWords, { text: 'the cat', vector: null }, 10)
  assert.deepEqual(
    found.map(({ index }) => index),
    [0]
  )
  assert.equal(found[0]!.score, 1)
  assert.equal(rank(byWords, { text: '猫', vector: null }, 10)[0]!.index, 3)
  assert.deepEqual(rank(byWords, { text: 'submarine', vector: null }, 10), [])
})

test('vectors find what has other words, and both together decide', () => {
  const documents = [
    { text: 'feline', vector: [1, 0] },
    { text: 'cat', vector: [0, 1] },
    { text: 'kitten', vector: null }
  ]
  const found = rank(documents, { text: 'cat', vector: [1, 0] }, 10)
  assert.deepEqual(
    found.map(({ index, score }) => [index, score]),
    [
      [0, 0.5],
      [1, 0.5]
    ]
  )
  assert.equal(rank(documents, { text: 'cat', vector: [1, 0] }, 1).length, 1)
  assert.equal(rank(documents, { text: 'x', vector: [1, 0, 0] }, 9).length, 0) // other dimensions
})

test('documents are read as they come, and filters look at what they say of themselves', () => {
  const given = ['plain', { id: 7, text: 'full', year: 2024, metadata: { tags: ['a', 'b'] } }]
  const vector = Buffer.from(new Float32Array([0.5, 1]).buffer).toString('base64')
  const [plain, full] = readDocuments(given, [vector, [1, 2]], 'documents')
  assert.deepEqual(plain!.vector, [0.5, 1])
  assert.deepEqual([full!.id, full!.metadata], ['7', { year: 2024, tags: ['a', 'b'] }])
  assert.ok(passes(full!, { year: [2023, 2024], tags: 'b', id: '7' }))
  assert.ok(!passes(full!, { year: 2023 }) && !passes(plain!, { constructor: 'x' }))
  for (const wrong of [[1], [{ id: 'x' }], [null]]) {
    assert.throws(() => readDocuments(wrong, undefined, 'documents'), { code: 'VALIDATION_FAILED' })
  }
  assert.throws(() => readDocuments(given, [[1]], 'documents'), /1 vectors for 2/)
  assert.throws(() => readDocuments(given, [[1], [NaN]], 'documents'), /vectors.1/)
})
