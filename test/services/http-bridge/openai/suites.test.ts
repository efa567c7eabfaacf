/**
 * What the test suites of others expect over HTTP, as far as it applies here: OpenResponses',
 * llama.cpp's server's, and vLLM's. Written anew; the names say whose expectation it is.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompletionReply } from '#shared/contracts/http/completions.ts'
import { ResponseObject } from '#shared/contracts/http/responses.ts'
import { calling, chat, CHAT, startChecklist, tiny } from './checklist.ts'

const { ask, chatReply, chunks, good, refused, stream, post } = await startChecklist({
  llama: true
})
const RESPONSES = '/v1/responses'
const COMPLETIONS = '/v1/completions'
const weather = {
  name: 'get_weather',
  description: 'Get the current weather for a location',
  parameters: { type: 'object', properties: { location: { type: 'string' } } }
}
const schema = { type: 'object', properties: { a: { enum: [1, 2] } }, required: ['a'] }

const statusOf = async (path: string, body: object) => (await ask(path, body)).status
const formed = async (more: object) => {
  const { choices } = await chatReply({ ...tiny, max_tokens: 60, ...more })
  return JSON.parse(choices[0]!.message.content!) as unknown
}

test('OpenResponses: a response has numbers for temperature and top_p, also in its events', async () => {
  const asked = { model: 'haif-tiny', input: 'What is HAIF?', max_output_tokens: 4 }
  const { temperature, top_p: topP } = await good(RESPONSES, ResponseObject, asked)
  assert.ok(temperature > 0 && topP > 0)
  const given = await good(RESPONSES, ResponseObject, { ...asked, temperature: 0.3, top_p: 0.5 })
  assert.deepEqual([given.temperature, given.top_p], [0.3, 0.5])
  const { events } = await stream(RESPONSES, asked)
  const objects = events
    .map(({ data }) => JSON.parse(data) as { response?: ResponseObject })
    .flatMap(({ response }) => (response === undefined ? [] : [response]))
  assert.deepEqual(
    objects.map((one) => [one.temperature, one.top_p]),
    objects.map(() => [temperature, topP])
  )
})

test('OpenResponses: system prompt, several turns, and phases of the assistant', async () => {
  const message = (role: string, content: string, more: object = {}) => {
    return { type: 'message', role, content, ...more }
  }
  for (const input of [
    [message('system', 'Be brief.'), message('user', 'Hello')],
    [message('user', 'I am Ann'), message('assistant', 'Hello Ann'), message('user', 'Who am I?')],
    [
      message('user', 'Weather?'),
      message('assistant', 'I look.', { phase: 'commentary' }),
      message('user', 'And?')
    ]
  ]) {
    const { status, output } = await good(RESPONSES, ResponseObject, { model: 'sim', input })
    assert.deepEqual([status, output[0]!.type], ['completed', 'message'])
  }
})

test('OpenResponses: a tool that is asked for is called, in both APIs', async () => {
  const question = "What's the weather like in San Francisco?"
  const { output } = await good(RESPONSES, ResponseObject, {
    model: 'sim',
    input: [{ type: 'message', role: 'user', content: question }],
    tools: [{ type: 'function', ...weather }]
  })
  const call = output.find((item) => item.type === 'function_call')
  assert.ok(call !== undefined && call.name === 'get_weather' && call.call_id !== '')
  assert.equal(typeof (JSON.parse(call.arguments) as { location: unknown }).location, 'string')
  const { choices } = await chatReply({
    model: 'sim',
    messages: [{ role: 'user', content: question }],
    tools: [{ type: 'function', function: weather }]
  })
  assert.equal(choices[0]!.finish_reason, 'tool_calls')
})

test('llama.cpp: schemas of any root, wherever they stand', async () => {
  const cases: [object, (value: unknown) => boolean][] = [
    [{ response_format: { type: 'json_object', schema: { const: '42' } } }, (v) => v === '42'],
    [{ json_schema: { const: '42' } }, (v) => v === '42'],
    [
      { response_format: { type: 'json_schema', json_schema: { schema: { const: 'foo' } } } },
      (v) => v === 'foo'
    ],
    [{ response_format: { type: 'json_schema', schema: { enum: [7] } } }, (v) => v === 7],
    [{ format: { type: 'array', items: { const: 1 }, minItems: 2, maxItems: 2 } }, Array.isArray],
    [{ guided_json: JSON.stringify(schema) }, (v) => 'a' in (v as object)],
    [{ structured_outputs: { json: schema } }, (v) => 'a' in (v as object)]
  ]
  for (const [asked, fits] of cases) {
    const value = await formed(asked)
    assert.ok(fits(value), `${JSON.stringify(asked)}: ${JSON.stringify(value)}`)
  }
})

test('llama.cpp: forms that are none are refused by their field', async () => {
  const form = (more: object) => ({ ...tiny, response_format: more })
  const inner = 'response_format.json_schema.schema'
  await refused(CHAT, form({ type: 'sound' }), 'response_format.type')
  await refused(CHAT, form({ type: 'json_object', schema: 123 }), inner)
  await refused(CHAT, form({ type: 'json_object', schema: { type: 'hiccup' } }), 'response_format')
  await refused(CHAT, { ...tiny, json_schema: schema, format: 'json' }, 'format')
})

test('llama.cpp: messages that are none are refused', async () => {
  for (const messages of [null, 'text', [123], [{}], [{ role: 123 }], [{ role: 'robot' }]]) {
    assert.equal(await statusOf(CHAT, { ...chat, messages }), 400, JSON.stringify(messages))
  }
})

test('llama.cpp: no limit, odd stops and harmless fields are taken', async () => {
  const fields: object[] = [
    { max_tokens: -1 },
    { max_tokens: 0 },
    { n_predict: -1, cache_prompt: false, id_slot: 3, timings_per_token: true },
    { stop: '' },
    { stop: [''] },
    { stop: [null] },
    { logit_bias: [] },
    { user: 42 },
    { top_k: -1, seed: -1, typical_p: 1, mirostat: 0, min_p: 0 },
    { tool_choice: '' },
    { tool_choice: 'none', functions: [], function_call: 'none' },
    { logprobs: false, top_logprobs: 5 },
    { max_tokens: 1e8, reasoning_effort: '', response_format: { type: 'text' } },
    { reasoning_format: 'auto', parse_tool_calls: true }
  ]
  for (const more of fields) {
    const { status, body } = await ask(CHAT, { ...chat, ...more })
    assert.equal(status, 200, `${JSON.stringify(more)}: ${JSON.stringify(body)}`)
  }
})

test('llama.cpp: a choice is none, any, a function, or of another API', async () => {
  const asked = { ...chat, tools: [{ function: weather }] }
  const reasonFor = async (choice: unknown) => {
    const { choices } = await chatReply({ ...asked, tool_choice: choice })
    return choices[0]!.finish_reason
  }
  assert.equal(await reasonFor({ type: 'auto' }), 'stop')
  assert.equal(await reasonFor('any'), 'tool_calls')
  assert.equal(await reasonFor({ type: 'function', name: 'get_weather' }), 'tool_calls')
  assert.equal(await reasonFor({ type: 'tool', name: 'get_weather' }), 'tool_calls')
  await refused(CHAT, { ...asked, tool_choice: { type: 'function', name: 'x' } }, 'tool_choice')
})

test('llama.cpp, vLLM: a last message of the assistant is continued, or both switches are an error', async () => {
  const messages = [...chat.messages, { role: 'assistant', content: 'HAIF turns the' }]
  const on = { continue_final_message: true, add_generation_prompt: false }
  const greedy = { ...tiny, messages, temperature: 0 }
  const text = async (more: object) => (await chatReply({ ...greedy, ...more })).choices[0]!.message
  assert.deepEqual(await text({}), await text(on))
  assert.notDeepEqual(await text({}), await text({ add_generation_prompt: true }))
  const both = { continue_final_message: true, add_generation_prompt: true }
  await refused(CHAT, { ...greedy, ...both }, 'continue_final_message')
})

test('vLLM: logprobs at any temperature, with a penalty and with a form', async () => {
  const asked = { ...tiny, logprobs: true, top_logprobs: 2 }
  for (const more of [{}, { temperature: 1.5 }, { frequency_penalty: 1 }, { format: 'json' }]) {
    const { choices } = await chatReply({ ...asked, ...more })
    const { content } = choices[0]!.logprobs!
    assert.ok(content.length > 0 && content.every((one) => one.logprob <= 0), JSON.stringify(more))
  }
  const whole = await good(COMPLETIONS, CompletionReply, {
    model: 'haif-tiny',
    prompt: 'a',
    logprobs: 1
  })
  assert.ok(whole.choices[0]!.logprobs!.tokens.length > 0)
})

test('OpenAI: every reply and chunk has a fingerprint, and usage tells thoughts apart', async () => {
  const reply = await chatReply(chat)
  assert.match(reply.system_fingerprint, /^haif-/)
  assert.deepEqual(reply.usage.completion_tokens_details, { reasoning_tokens: 0 })
  for (const chunk of await chunks(chat)) {
    assert.equal(chunk.system_fingerprint, reply.system_fingerprint)
  }
})

test('Codex: tools that it runs itself are left out and named, whole and streamed', async () => {
  const tools = [
    ...calling.tools,
    { type: 'custom', custom: { name: 'x' } },
    { type: 'web_search' }
  ]
  for (const streamed of [false, true]) {
    const response = await post(CHAT, { ...chat, tools, stream: streamed })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-haif-skipped-tools'), 'custom:x, web_search')
    await response.text()
  }
})
