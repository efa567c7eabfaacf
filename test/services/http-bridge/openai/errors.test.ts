/** The errors of every endpoint, and what HAIF adds to OpenAI's API. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ChatReply } from '#shared/contracts/http/chat.ts'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import { EMBEDDINGS_REFUSALS } from '../../../../services/http-bridge/openai/embeddings/request.ts'
import { RESPONSES_REFUSALS } from '../../../../services/http-bridge/openai/responses/request.ts'
import { chat, CHAT, fitting, startChecklist, tiny } from './checklist.ts'

const mesh = await startChecklist({ llama: true })
const { ask } = mesh

const LONG = { role: 'user', content: 'x'.repeat(2.1 * 1024 * 1024) }

// 429 and 503 with Retry-After, and 500, are in streams.test.ts: nothing here provokes them.
test('errors: the shape, the status and the code of each', async () => {
  const post = (path: string, init: RequestInit) =>
    fetch(mesh.url + path, { method: 'POST', ...init })
  const json = { 'content-type': 'application/json' }
  const cases: [Response, number, string][] = [
    [await post(CHAT, { headers: json, body: '{' }), 400, 'invalid_value'],
    [await mesh.post(CHAT, { ...chat, model: 'x' }), 404, 'model_not_found'],
    [await fetch(`${mesh.v1}/nowhere`), 404, 'not_found'],
    [
      await post(CHAT, { headers: json, body: ' '.repeat(32 * 1024 * 1024 + 1) }),
      413,
      'body_too_large'
    ],
    // No peer takes more than 4 Mi characters at once, whatever the bridge takes.
    [await mesh.post(CHAT, { ...chat, messages: [LONG, LONG] }), 413, 'body_too_large'],
    [
      await post(CHAT, { headers: { 'content-type': 'text/plain' }, body: 'x' }),
      415,
      'unsupported_media_type'
    ],
    [
      await mesh.post(CHAT, {
        ...tiny,
        messages: [{ role: 'user', content: 'x '.repeat(3000) }]
      }),
      400,
      'context_length_exceeded'
    ],
    [
      await mesh.post(CHAT, { ...chat, model: 'slow' }, { 'x-haif-timeout-ms': '100' }),
      504,
      'deadline_exceeded'
    ]
  ]
  for (const [response, status, code] of cases) {
    const { error } = fitting(OpenAiErrorBody, await response.json())
    assert.deepEqual([response.status, error.code], [status, code])
    assert.ok(response.headers.get('x-request-id'))
  }
})

test('extensions are headers: who served, Idempotency-Key', async () => {
  const { headers, body } = await ask(CHAT, chat)
  assert.match(headers.get('x-haif-worker') ?? '', /^[0-9a-f]{64}$/)
  assert.equal(headers.get('x-haif-attempts'), '1')
  assert.ok(!('explanations' in fitting(ChatReply, body)))
  const explained = await ask(CHAT, chat, { 'x-haif-explain': '1' })
  assert.equal(fitting(ChatReply, explained.body).explanations!.length, 1)
  const key = { 'idempotency-key': 'k1' }
  const sampled = { ...tiny, temperature: 2, n: 2 }
  const [one, two] = [await ask(CHAT, sampled, key), await ask(CHAT, sampled, key)]
  assert.deepEqual(fitting(ChatReply, one.body).choices, fitting(ChatReply, two.body).choices)
  const other = await ask(CHAT, { ...sampled, max_tokens: 3 }, key)
  assert.deepEqual(
    [other.status, fitting(OpenAiErrorBody, other.body).error.code],
    [409, 'conflict']
  )
})

test('every field of a response and of embeddings that is refused has its line in docs/openai.md', () => {
  const page = readFileSync(new URL('../../../../docs/openai.md', import.meta.url), 'utf8')
  const all = {
    ...EMBEDDINGS_REFUSALS,
    ...RESPONSES_REFUSALS
  }
  for (const [param, { why }] of Object.entries(all)) {
    const line = page.split('\n').find((one) => one.includes(`\`${param}\``) && one.includes(why))
    assert.ok(line, `${param}: ${why}`)
  }
})
