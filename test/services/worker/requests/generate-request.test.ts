/** What an engine gets of a request: what was sent before, and what a caller has begun itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Asked, Sent } from '#shared/contracts/inference/request.ts'
import { toGenerate } from '../../../../services/worker/requests/generate-request.ts'

const user: ChatMessage = { role: 'user', content: 'Count' }
const asked = (messages: ChatMessage[], more: Partial<Asked> = {}): Asked => ({
  input: { mode: 'chat', messages },
  maxTokens: 10,
  sampling: {},
  ...more
})
const sent: Sent = { tokenIds: [7, 8], text: ' three four', digest: 'own' }
const begun: ChatMessage = { role: 'assistant', content: 'one two', reasoning: 'by one' }
const continued = asked([user, begun], { continueFinal: true })

test('an answer that the same file began goes on by its ids, another one by its text', () => {
  const fields = toGenerate({ asked: asked([user]), sent }, 'own')
  assert.deepEqual([fields.resumeTokenIds, fields.resumeText], [[7, 8], undefined])
  const other = toGenerate({ asked: asked([user]), sent }, 'other')
  assert.deepEqual([other.resumeText, other.resumeTokens], [' three four', 2])
})

test('a message that the answer continues leaves the chat and becomes the text before it', () => {
  const { input, ...fields } = toGenerate({ asked: continued }, 'own')
  assert.deepEqual(input, { mode: 'chat', messages: [user] })
  assert.equal(fields.resumeText, 'one two')
  assert.equal(fields.resumeReasoning, 'by one')
  assert.equal(fields.resumeTokens, 0) // the caller wrote it: it is no part of the answer
})

test('what was sent of a continued message follows it, by text', () => {
  const fields = toGenerate({ asked: continued, sent }, 'own')
  assert.equal(fields.resumeText, 'one two three four')
  assert.equal(fields.resumeTokens, 2)
})

test('a message with calls, of another role, or alone is no beginning of an answer', () => {
  const call = { id: 'a', name: 'f', arguments: '{' }
  const chats: ChatMessage[][] = [[user, { ...begun, toolCalls: [call] }], [begun, user], [begun]]
  for (const messages of chats) {
    const { input, resumeText } = toGenerate(
      { asked: asked(messages, { continueFinal: true }) },
      ''
    )
    assert.deepEqual(input, { mode: 'chat', messages })
    assert.equal(resumeText, undefined)
  }
})

test('hints about thinking reach the engine, whatever it makes of them', () => {
  const { reasoningEffort, templateVariables } = toGenerate(
    {
      asked: asked([user], {
        reasoningEffort: 'xhigh',
        templateVariables: { enable_thinking: false }
      })
    },
    ''
  )
  assert.deepEqual([reasoningEffort, templateVariables], ['xhigh', { enable_thinking: false }])
})

test('of a prompt the rest is told, by the file that has told its beginning', () => {
  const scored = asked([user], { logprobs: true, promptLogprobs: true })
  const told: Sent = { tokenIds: [], text: '', promptTokens: 3, digest: 'own' }
  assert.equal(toGenerate({ asked: scored }, 'own').promptLogprobs, true)
  assert.equal(toGenerate({ asked: scored, sent: told }, 'own').resumePromptTokens, 3)
  assert.throws(() => toGenerate({ asked: scored, sent: told }, 'other'), { code: 'ENGINE_FAILED' })
  const answering = { ...told, tokenIds: [7] }
  assert.equal(toGenerate({ asked: scored, sent: answering }, 'own').promptLogprobs, undefined)
})
