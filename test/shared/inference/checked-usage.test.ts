/** What a worker counts, against what was asked and what has passed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { checkedUsage, embeddingLie } from '#shared/inference/checked-usage.ts'

const asked = (more: Partial<Asked> = {}): Asked => ({
  input: { mode: 'direct', prompt: 'The quick brown fox' },
  maxTokens: 16,
  sampling: {},
  ...more
})
const usage = (promptTokens: number, completionTokens: number) => ({
  promptTokens,
  cachedPromptTokens: 0,
  completionTokens
})
const passed = { tokens: 5, ids: 5, characters: 20 }

test('honest counts stay as they are', () => {
  const honest = { ...usage(6, 5), cachedPromptTokens: 4, reasoningTokens: 2, estimated: true }
  assert.deepEqual(checkedUsage(honest, asked(), passed), { usage: honest, lie: null })
})

test('a template may add its own words to the prompt', () => {
  const messages = [{ role: 'user' as const, content: 'hi' }]
  const chat = asked({ input: { mode: 'chat', messages } })
  assert.equal(checkedUsage(usage(1500, 5), chat, passed).lie, null)
})

test('counts that cannot be are corrected, and are a lie', () => {
  const most = checkedUsage(usage(900_000_000, 900_000_000), asked(), passed)
  assert.equal(most.usage.promptTokens, 5, 'our own estimate')
  assert.ok(most.usage.completionTokens <= 16 + 64)
  assert.match(most.lie!, /900000000 tokens of an answer that may have 16/)
  assert.match(checkedUsage(usage(900_000_000, 5), asked(), passed).lie!, /of a prompt/)
})

test('an open answer costs what has passed, whatever the worker says', () => {
  const open = asked({ maxTokens: 1_048_576 })
  const { usage: counted, lie } = checkedUsage(usage(5, 1_000_000), open, passed)
  assert.ok(counted.completionTokens < 200)
  assert.equal(lie, null, 'a server may have thought in secret')
})

test('a worker that counts less than it sent gives nothing away', () => {
  assert.equal(checkedUsage(usage(5, 0), asked(), passed).usage.completionTokens, 5)
})

test('whatever is said, the books get no more than the request allows', () => {
  const number = fc.integer({ min: 0, max: 16_777_216 })
  fc.assert(
    fc.property(number, number, number, number, (prompt, cached, completion, maxTokens) => {
      const said = { ...usage(prompt, completion), cachedPromptTokens: cached }
      const ask = asked({ maxTokens: maxTokens + 1 })
      const { usage: counted } = checkedUsage(said, ask, passed)
      assert.ok(counted.promptTokens <= 2 * 2048)
      assert.ok(counted.cachedPromptTokens <= counted.promptTokens)
      assert.ok(counted.completionTokens <= maxTokens + 1 + 64)
    })
  )
})

test('vectors are those of the inputs', () => {
  const reply = (vectors: string[], promptTokens: number) => ({
    model: 'm',
    provider: 'sim',
    vectors,
    promptTokens
  })
  assert.equal(embeddingLie({ inputs: ['a', 'b'] }, reply(['', ''], 4)), null)
  assert.match(embeddingLie({ inputs: ['a', 'b'] }, reply([''], 4))!, /1 vectors for 2 inputs/)
  assert.match(embeddingLie({ inputs: ['a'] }, reply([''], 4_000_000))!, /4000000 tokens/)
})
