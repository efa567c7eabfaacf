import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embeddedTokensOf, promptTokensOf } from '#shared/inference/prompt-size.ts'

test('token ids are counted, and texts are estimated by their characters', () => {
  assert.equal(promptTokensOf({ mode: 'tokens', tokenIds: [1, 2, 3] }), 3)
  assert.equal(promptTokensOf({ mode: 'direct', prompt: 'a'.repeat(9) }), 3)
  assert.equal(embeddedTokensOf(['a'.repeat(8), 'b', [1, 2, 3]]), 2 + 1 + 3)
})

test('each message of a chat costs what the template adds, also an empty one', () => {
  const messages = [
    { role: 'system' as const, content: '' },
    { role: 'user' as const, content: 'a'.repeat(8) }
  ]
  assert.equal(promptTokensOf({ mode: 'chat', messages }), 4 + (4 + 2))
})
