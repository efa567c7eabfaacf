/** An answer is no more than what was asked (security: a worker that never ends). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InferenceItem } from '#shared/contracts/inference/answer.ts'
import { AnswerBound } from '#shared/inference/answer-bound.ts'

const input = { mode: 'direct', prompt: 'Count to three' } as const

const piece = (more: Partial<InferenceItem> = {}): InferenceItem => ({
  seq: 0,
  tokenIds: [1],
  text: 'a ',
  ...more
})

/** Items of this kind until the bound ends it; Infinity: it does not. */
function itemsUntilFaulty(item: InferenceItem, maxTokens = 8, elapsedMs = 0): number {
  const bound = new AnswerBound({ input, maxTokens })
  for (let count = 1; count <= 10_000; count++) {
    try {
      bound.add([item], elapsedMs)
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'WORKER_FAULTY')
      return count
    }
  }
  return Infinity
}

test('an answer of as many tokens as were asked for passes, also of the longest ones', () => {
  const bound = new AnswerBound({ input, maxTokens: 512 })
  for (let i = 0; i < 512; i++) bound.add([piece({ text: ' '.repeat(128) })], 0)
  assert.equal(bound.tokens, 512)
})

test('more tokens than were asked for are a fault', () => {
  assert.ok(itemsUntilFaulty(piece()) < 100)
  assert.ok(itemsUntilFaulty(piece({ tokenIds: [], tokens: 1_000_000 })) === 1)
})

test('more text than so many tokens can have is a fault, wherever it is', () => {
  const text = 'A'.repeat(60_000)
  assert.equal(itemsUntilFaulty(piece({ text })), 1)
  assert.equal(itemsUntilFaulty(piece({ reasoning: text })), 1)
  assert.equal(itemsUntilFaulty(piece({ toolCalls: [{ index: 0, arguments: text }] })), 1)
  const logprobs = [{ token: text, logprob: -1, top: [] }]
  assert.equal(itemsUntilFaulty(piece({ logprobs })), 1)
})

test('an answer without a bound of its own has one all the same', () => {
  assert.ok(itemsUntilFaulty(piece({ text: 'A'.repeat(60_000) }), 1_048_576) < 100)
})

test('items that say nothing, and reports of a load without end, are faults', () => {
  assert.ok(itemsUntilFaulty(piece({ tokenIds: [], text: '' })) < 500)
  const queued = { ahead: 0, waitMs: 0, loading: 0.5 }
  assert.ok(itemsUntilFaulty(piece({ queued })) < 100)
  assert.ok(itemsUntilFaulty(piece({ queued }), 8, 30_000) > 60, 'twice a second is the rule')
})

test("what is not a worker's to say is a fault", () => {
  assert.equal(itemsUntilFaulty(piece({ limits: {} })), 1)
})

test('tokens that were sent before count, and their text does not', () => {
  const sent = { tokenIds: [1, 2, 3], text: 'x'.repeat(1_000_000) }
  const bound = new AnswerBound({ input, maxTokens: 8 }, sent)
  bound.add([piece()], 0)
  assert.deepEqual([bound.tokens, bound.ids, bound.characters], [4, 4, 2])
})

test('of a prompt as much is told as it can have tokens, and only when it was asked for', () => {
  const prompt = [{ token: 'a', logprob: -1, top: [] }]
  const told = piece({ tokenIds: [], text: '', prompt })
  const bytes = input.prompt.length
  const asked = { input, maxTokens: 0, logprobs: true, promptLogprobs: true }
  const bound = new AnswerBound(asked)
  for (let i = 0; i < bytes; i++) bound.add([told], 0)
  assert.equal(bound.tokens, 0, 'no token of the answer')
  const most = new AnswerBound({ ...asked, input: { mode: 'tokens', tokenIds: [1] } })
  assert.throws(() => most.add([piece({ prompt: Array(100).fill(prompt[0]) })], 0), {
    code: 'WORKER_FAULTY'
  })
  assert.throws(() => new AnswerBound({ input, maxTokens: 8 }).add([told], 0), {
    code: 'WORKER_FAULTY'
  })
})
