/** What each kind of server is sent of thoughts, broken calls, efforts and answers that began. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { UpstreamKind } from '../../../../../services/worker/engines/openai/dialect.ts'
import { requestBody } from '../../../../../services/worker/engines/openai/request-body.ts'
import type { GenerateRequest } from '../../../../../services/worker/engines/engine.ts'
import { chat } from '../engine-conformance.ts'

const KINDS: UpstreamKind[] = ['vllm', 'sglang', 'llama-server', 'ollama', 'other']

function bodyFor(kind: UpstreamKind, request: GenerateRequest): Record<string, unknown> {
  const prefix = request.resumeText ?? ''
  return requestBody(request, { kind, id: 'm', maxTokens: 5, prefix }).body
}

const withPast = (...messages: ChatMessage[]): GenerateRequest =>
  chat('', { input: { mode: 'chat', messages } })

test('thoughts have the name that the server reads, and an unknown server gets none', () => {
  const past = withPast({ role: 'assistant', content: 'a', reasoning: 'why' })
  const names = KINDS.map((kind) => Object.keys((bodyFor(kind, past)['messages'] as [object])[0]))
  const plain = ['role', 'content']
  assert.deepEqual(names, [
    [...plain, 'reasoning', 'reasoning_content'],
    [...plain, 'reasoning_content'],
    [...plain, 'reasoning_content'],
    [...plain, 'reasoning'],
    plain
  ])
})

test('a call that was cut is sent as an object, for a server refuses a whole chat for it', () => {
  const argumentsFor = (text: string) => {
    const toolCalls = [{ id: 'a', name: 'f', arguments: text }]
    const body = bodyFor('vllm', withPast({ role: 'assistant', content: '', toolCalls }))
    const [{ tool_calls: calls }] = body['messages'] as [{ tool_calls: [SentCall] }]
    return calls[0].function.arguments
  }
  assert.equal(argumentsFor('{"a": 1}'), '{"a": 1}')
  assert.equal(argumentsFor(''), '{}')
  assert.deepEqual(JSON.parse(argumentsFor('{"city": "Par')), { raw: '{"city": "Par' })
  assert.deepEqual(JSON.parse(argumentsFor('[1]')), { raw: '[1]' })
})

interface SentCall {
  function: { arguments: string }
}

test('an effort is sent as the server knows it, in the values that it does not refuse', () => {
  const off = { chat_template_kwargs: { enable_thinking: false, thinking: false } }
  const on = (word: string) => ({
    chat_template_kwargs: { enable_thinking: true, reasoning_effort: word }
  })
  const expected: Record<UpstreamKind, [none: object, xhigh: object]> = {
    vllm: [off, { reasoning_effort: 'high' }],
    sglang: [off, { reasoning_effort: 'high' }],
    'llama-server': [off, on('high')],
    ollama: [{ reasoning_effort: 'none' }, { reasoning_effort: 'high' }],
    other: [{ reasoning_effort: 'none' }, { reasoning_effort: 'xhigh' }]
  }
  for (const kind of KINDS) {
    const plain = bodyFor(kind, chat('x'))
    for (const [nth, reasoningEffort] of (['none', 'xhigh'] as const).entries()) {
      const body = bodyFor(kind, chat('x', { reasoningEffort }))
      assert.deepEqual(body, { ...plain, ...expected[kind][nth] }, kind)
    }
  }
})

test('variables go to servers that take them; elsewhere a switch is an effort, and others are refused', () => {
  const asked = chat('x', { templateVariables: { enable_thinking: false, style: 'odd' } })
  for (const kind of ['vllm', 'sglang', 'llama-server'] as const) {
    assert.deepEqual(bodyFor(kind, asked)['chat_template_kwargs'], asked.templateVariables)
  }
  for (const kind of ['ollama', 'other'] as const) {
    assert.throws(() => bodyFor(kind, asked), { details: { param: 'templateVariables' } })
    const off = bodyFor(kind, chat('x', { templateVariables: { enable_thinking: false } }))
    assert.equal(off['reasoning_effort'], 'none')
    const on = bodyFor(kind, chat('x', { templateVariables: { enable_thinking: true } }))
    assert.ok(!('reasoning_effort' in on) && !('chat_template_kwargs' in on))
  }
})

test('an answer that the caller has begun is left open, or is an earlier turn', () => {
  const begun = chat('x', { resumeText: 'one', resumeTokens: 0, resumeReasoning: 'why' })
  for (const kind of KINDS) {
    const body = bodyFor(kind, begun)
    const last = (body['messages'] as ChatMessage[]).at(-1)!
    assert.deepEqual([last.role, last.content], ['assistant', 'one'])
    const isFlagged = kind === 'vllm' || kind === 'sglang'
    assert.equal(body['continue_final_message'], isFlagged ? true : undefined, kind)
    assert.equal(body['add_generation_prompt'], isFlagged ? false : undefined, kind)
  }
  assert.throws(() => bodyFor('vllm', { ...begun, responseFormat: { type: 'json' } }), {
    code: 'UNSUPPORTED_PARAMETER'
  })
  // One that another worker has begun can go on elsewhere, so there it is another error.
  assert.throws(() => bodyFor('other', { ...begun, resumeTokens: 1 }), { code: 'ENGINE_FAILED' })
})

test('images and sounds stand where they stood, in place of their words', () => {
  const image = { kind: 'image', data: 'data:image/png;base64,AAAA', detail: 'low' } as const
  const sound = { kind: 'audio', data: 'BBBB', format: 'wav' } as const
  const place = { param: 'messages[0].content[0]' }
  const media = [
    { media: image, at: 4, wordLength: 7, ...place },
    { media: sound, at: 12, wordLength: 0, ...place }
  ]
  const request = withPast({ role: 'user', content: 'see [image]! and?', media })
  for (const kind of KINDS) {
    const [{ content }] = bodyFor(kind, request)['messages'] as [{ content: unknown }]
    assert.deepEqual(content, [
      { type: 'text', text: 'see ' },
      { type: 'image_url', image_url: { url: image.data, detail: 'low' } },
      { type: 'text', text: '!' },
      { type: 'input_audio', input_audio: { data: 'BBBB', format: 'wav' } },
      { type: 'text', text: ' and?' }
    ])
  }
})
