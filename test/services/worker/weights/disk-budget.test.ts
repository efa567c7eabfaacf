/** Which models leave a full disk. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chosenToGo } from '../../../../services/worker/weights/disk-budget.ts'
import type { ShelvedModel } from '../../../../services/worker/weights/shelf.ts'

const model = (digest: string, bytes: number, usedAt: number | null): ShelvedModel => ({
  digest,
  files: [{ path: `/${digest}.gguf`, sha256: digest, bytes }],
  usedAt
})
const SHELF = [
  model('new', 4, 30),
  model('old', 4, 10),
  model('mid', 4, 20),
  model('own', 99, null)
]

const gone = (budgetBytes: number, neededBytes: number, stay: string[] = []): string[] =>
  chosenToGo(SHELF, { budgetBytes, neededBytes, stays: ({ digest }) => stay.includes(digest) }).map(
    ({ digest }) => digest
  )

test('the least recently used goes first, and no more than are needed', () => {
  assert.deepEqual(gone(12, 0), [])
  assert.deepEqual(gone(12, 1), ['old'])
  assert.deepEqual(gone(12, 5), ['old', 'mid'])
  assert.deepEqual(gone(Infinity, 1000), [])
})

test('what is loaded or pinned stays, and so do the files of the owner', () => {
  assert.deepEqual(gone(12, 5, ['old']), ['mid', 'new'])
  assert.deepEqual(gone(0, 1000, ['old', 'mid']), ['new'])
})
