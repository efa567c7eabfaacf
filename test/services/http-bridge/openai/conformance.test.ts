/** What clients of OpenAI's API expect, one test a line. What is refused is in docs/openai.md. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ChatChunk, ChatReply } from '#shared/contracts/http/chat.ts'
import { CompletionReply } from '#shared/contracts/http/completions.ts'
import { EmbeddingsReply } from '#shared/contracts/http/embeddings.ts'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import { ResponseObject } from '#shared/contracts/http/responses.ts'
import { CHAT_REFUSALS } from '../../../../services/http-bridge/openai/chat/request.ts'
import { COMPLETION_REFUSALS } from '../../../../services/http-bridge/openai/completions/request.ts'
import { EMBEDDINGS_REFUSALS } from '../../../../services/http-bridge/openai/embeddings/request.ts'
import { RESPONSES_REFUSALS } from '../../../../services/http-bridge/openai/responses/request.ts'
import { until } from '../../../helpers/until.ts'
import { readStream, startOpenAiMesh, TOOL_SAMPLING } from './openai-mesh.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- replies are read deep, after their check
type Fields = Record<string, any>

/** Not a guard: the replies stay as they are typed. */
const fits = (schema: TSchema, value: unknown): boolean => Compile(schema).Check(value)

const CHAT = '/v1/chat/completions'
const chat = { model: 'sim', messages: [{ role: 'user', content: 'hi' }] }
const tiny = { ...chat, model: 'haif-tiny', max_tokens: 8 }
const FUNCTION = {
  name: 'f',
  description: 'Does it.',
  parameters: { type: 'object', properties: { a: { enum: [1, 2] } }, required: ['a'] }
}
const tools = [{ type: 'function', function: FUNCTION }]
const calling = {
  ...tiny,
  ...TOOL_SAMPLING,
  model: 'random',
  max_tokens: 300,
  tools,
  tool_choice: 'required',
  parallel_tool_calls: false
}

const RESPONSE_FIELDS = `
  completed_at previous_response_id truncation text presence_penalty frequency_penalty top_logprobs
  reasoning max_output_tokens max_tool_calls store background service_tier safety_identifier
  prompt_cache_key tools`
  .trim()
  .split(/\s+/)

test('the conformance checklist', async (t) => {
  const mesh = await startOpenAiMesh(t, { llama: true, bridge: { keepAliveMs: 5 } })
  const ask = async (path: string, body: unknown, headers?: Record<string, string>) => {
    const response = await mesh.post(path, body, headers)
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as Fields }
  }
  const good = async (path: string, body: object): Promise<Fields> => {
    const { status, body: reply } = await ask(path, body)
    assert.equal(status, 200, JSON.stringify(reply))
    return reply
  }
  const refused = async (path: string, body: object, param: string, status = 400) => {
    const reply = await ask(path, body)
    assert.ok(Compile(OpenAiErrorBody).Check(reply.body), JSON.stringify(reply.body))
    assert.deepEqual(
      [reply.status, reply.body.error.param],
      [status, param],
      reply.body.error.message
    )
    return reply.body.error
  }
  const stream = async (path: string, body: object) => {
    const response = await mesh.post(path, { ...body, stream: true })
    assert.equal(response.status, 200)
    assert.ok(response.headers.get('x-request-id'))
    return readStream(await response.text())
  }
  const chunks = async (body: object) => {
    const { events } = await stream(CHAT, body)
    assert.equal(events.pop()?.data, '[DONE]')
    return events.map(({ data }) => JSON.parse(data) as Fields)
  }

  await t.test('GET /v1/models, /v1/models/{id}, and 404 model_not_found', async () => {
    const { object, data } = (await (await fetch(`${mesh.v1}/models`)).json()) as Fields
    assert.equal(object, 'list')
    const model = (data as Fields[]).find(({ id }) => id === 'haif-tiny')!
    assert.deepEqual([model['object'], model['owned_by'], model['workers']], ['model', 'haif', 1])
    assert.ok(model['created'] > 0 && model['context_length'] > 0 && model['quantization'])
    assert.match(model['digest'], /^[0-9a-f]{64}$/)
    assert.deepEqual(await (await fetch(`${mesh.v1}/models/haif-tiny`)).json(), model)
    const missing = await fetch(`${mesh.v1}/models/gpt-4o`, {
      headers: { authorization: 'Bearer x' }
    })
    assert.equal(missing.status, 404)
    assert.equal(((await missing.json()) as Fields)['error'].code, 'model_not_found')
  })

  await t.test('chat: n, stop as string and array', async () => {
    const reply = await good(CHAT, { ...chat, n: 3 })
    assert.ok(fits(ChatReply, reply))
    assert.deepEqual(
      (reply['choices'] as Fields[]).map(({ index }) => index),
      [0, 1, 2]
    )
    assert.equal(reply['usage'].completion_tokens, 18)
    const one = await good(CHAT, chat)
    assert.equal(reply['usage'].prompt_tokens, one['usage'].prompt_tokens)
    const whole = (await good(CHAT, { ...tiny, temperature: 0 }))['choices'][0].message
      .content as string
    const stop = whole.slice(3, 6)
    for (const form of [stop, [stop, 'zzz']]) {
      const { choices } = await good(CHAT, { ...tiny, temperature: 0, stop: form })
      assert.equal(choices[0].message.content, whole.slice(0, whole.indexOf(stop)))
      assert.equal(choices[0].finish_reason, 'stop')
    }
  })

  await t.test('chat: max_tokens and max_completion_tokens', async () => {
    for (const name of ['max_tokens', 'max_completion_tokens']) {
      const { choices, usage } = await good(CHAT, { ...chat, [name]: 2 })
      assert.deepEqual([choices[0].finish_reason, usage.completion_tokens], ['length', 2])
    }
    assert.equal((await good(CHAT, chat))['choices'][0].finish_reason, 'stop')
  })

  await t.test('chat: temperature, top_p, seed, penalties, logit_bias', async () => {
    const sampled = { ...tiny, temperature: 1.5, top_p: 0.99, seed: -7 }
    const text = async (body: object) =>
      (await good(CHAT, body))['choices'][0].message.content as string
    assert.equal(await text(sampled), await text(sampled))
    await text({ ...tiny, frequency_penalty: 1, presence_penalty: -1, logit_bias: { '5': -100 } })
    await refused(CHAT, { ...chat, logit_bias: { '5': 1 } }, 'logit_bias')
  })

  await t.test('chat: choices with a seed differ', async () => {
    const { choices } = await good(CHAT, {
      ...tiny,
      model: 'random',
      temperature: 2,
      seed: 1,
      n: 3
    })
    const texts = (choices as Fields[]).map(({ message }) => message.content as string)
    assert.ok(new Set(texts).size > 1, texts.join('|'))
  })

  await t.test('chat: logprobs and top_logprobs', async () => {
    const { choices } = await good(CHAT, {
      ...tiny,
      temperature: 0,
      logprobs: true,
      top_logprobs: 3
    })
    const first = (choices[0].logprobs.content as Fields[])[0]!
    assert.ok(first['logprob'] <= 0 && first['top_logprobs'].length === 3)
    assert.deepEqual(Buffer.from(first['bytes'] as number[]).toString(), first['token'])
    await refused(CHAT, { ...tiny, top_logprobs: 3 }, 'top_logprobs')
    await refused(CHAT, { ...chat, logprobs: true }, 'logprobs')
  })

  await t.test('chat: user and fields that are only hints are accepted', async () => {
    await good(CHAT, {
      ...chat,
      user: 'me',
      metadata: { a: 'b' },
      service_tier: 'auto',
      store: true,
      verbosity: 'low',
      safety_identifier: 'x',
      prompt_cache_key: 'y',
      prediction: { type: 'content', content: 'x' },
      modalities: ['text']
    })
  })

  await t.test('chat: tools, tool_choice, parallel_tool_calls', async () => {
    const { choices } = await good(CHAT, calling)
    assert.equal(choices[0].finish_reason, 'tool_calls')
    assert.equal(choices[0].message.content, null)
    const [call] = choices[0].message.tool_calls as Fields[]
    assert.deepEqual([call!['type'], call!['function'].name], ['function', 'f'])
    assert.ok([1, 2].includes((JSON.parse(call!['function'].arguments as string) as Fields)['a']))
    const named = { type: 'function', function: { name: 'f' } }
    await good(CHAT, { ...calling, tool_choice: named })
    const allowed = { mode: 'required', tools: [named] }
    await good(CHAT, { ...calling, tool_choice: { type: 'allowed_tools', allowed_tools: allowed } })
    await good(CHAT, { ...calling, tool_choice: 'none', max_tokens: 2 })
    await refused(
      CHAT,
      { ...calling, tool_choice: { type: 'function', function: { name: 'g' } } },
      'tool_choice'
    )
    await refused(CHAT, { ...chat, tool_choice: 'required' }, 'tool_choice')
    await refused(CHAT, { ...tiny, tools }, 'tools')
  })

  await t.test('chat: response_format text, json_object, json_schema (strict)', async () => {
    await good(CHAT, { ...chat, response_format: { type: 'text' } })
    const name = { name: 'n', strict: true, schema: FUNCTION.parameters }
    const { choices } = await good(CHAT, {
      ...tiny,
      max_tokens: 100,
      response_format: { type: 'json_schema', json_schema: name }
    })
    assert.deepEqual(Object.keys(JSON.parse(choices[0].message.content as string) as object), ['a'])
    await good(CHAT, { ...tiny, response_format: { type: 'json_object' } })
    await refused(CHAT, { ...chat, response_format: { type: 'json_object' } }, 'response_format')
  })

  await t.test('chat: stream_options.include_usage', async () => {
    const all = await chunks({ ...chat, stream_options: { include_usage: true } })
    const last = all.pop()!
    assert.deepEqual(last['choices'], [])
    assert.equal(last['usage'].completion_tokens, 6)
    assert.ok(all.every(({ usage }) => usage === null))
    assert.ok((await chunks(chat)).every((chunk) => !('usage' in chunk)))
  })

  await t.test('chat: content parts; images are refused', async () => {
    const say = (content: unknown) => ({ ...chat, messages: [{ role: 'user', content }] })
    const parts = [
      { type: 'text', text: 'h' },
      { type: 'text', text: 'i' }
    ]
    const joined = await good(CHAT, say(parts))
    assert.deepEqual(joined['choices'], (await good(CHAT, chat))['choices'])
    const image = { type: 'image_url', image_url: { url: 'data:,' } }
    await refused(CHAT, say([parts[0], image]), 'messages[0].content[1]')
  })

  await t.test('chat: roles system, developer, user, assistant, tool', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
    await good(CHAT, {
      ...tiny,
      model: 'random',
      messages: [
        { role: 'system', content: 'a' },
        { role: 'developer', content: 'b' },
        { role: 'user', content: 'c', name: 'me' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'd' }] },
        { role: 'user', content: 'e' }
      ]
    })
    const bad = { role: 'tool', content: 'x' }
    await refused(CHAT, { ...chat, messages: [bad] }, 'messages[0].tool_call_id')
    await refused(CHAT, { ...chat, messages: [{ role: 'user' }] }, 'messages[0].content')
  })

  await t.test('chat: unknown fields are ignored, null counts as absent', async () => {
    await good(CHAT, { ...chat, unheard_of: { x: 1 }, stop: null, temperature: null, tools: null })
  })

  await t.test('chunks: role first, deltas, finish_reason, [DONE]', async () => {
    const all = await chunks(chat)
    assert.ok(all.every((chunk) => fits(ChatChunk, chunk)))
    assert.equal(new Set(all.map(({ id }) => id as string)).size, 1)
    assert.deepEqual(all[0]!['choices'][0].delta, { role: 'assistant', content: '' })
    const rest = all.slice(1)
    assert.ok(rest.every((chunk) => chunk['choices'][0].delta.role === undefined))
    assert.deepEqual(
      all.map(({ choices }) => choices[0].finish_reason as string | null),
      [...all.slice(1).map(() => null), 'stop']
    )
    const cut = await chunks({ ...chat, max_tokens: 2 })
    assert.equal(cut.at(-1)!['choices'][0].finish_reason, 'length')
  })

  await t.test('chunks: comments keep a silent connection alive', async () => {
    // 20 ms from token to token, and here a comment after 5 ms of silence.
    const { events, comments } = await stream(CHAT, { ...chat, model: 'slow', max_tokens: 4 })
    assert.ok(comments.includes('keep-alive'), comments.join('|'))
    assert.equal(events.at(-1)!.data, '[DONE]')
  })

  await t.test(
    'chunks: tool_calls with id and name first, then fragments of arguments',
    async () => {
      const all = await chunks(calling)
      const deltas = all.flatMap(({ choices }) => (choices[0].delta.tool_calls ?? []) as Fields[])
      const [first, ...rest] = deltas
      assert.equal(first!['index'], 0)
      assert.ok(first!['id'] && first!['type'] === 'function' && first!['function'].name === 'f')
      assert.ok(rest.length > 1 && rest.every((delta) => !('id' in delta)))
      const json = deltas.map((delta) => delta['function'].arguments as string).join('')
      assert.ok('a' in (JSON.parse(json) as object))
      assert.equal(all.at(-1)!['choices'][0].finish_reason, 'tool_calls')
    }
  )

  await t.test('chunks: what HAIF has to tell is in comments', async () => {
    const response = await mesh.post(
      CHAT,
      { ...chat, stream: true },
      { 'x-haif-explain': '1', 'x-haif-queue': '1' }
    )
    const { comments } = readStream(await response.text())
    const served = comments.find((comment) => comment.startsWith('haif-served '))!
    const told = JSON.parse(served.slice('haif-served '.length)) as Fields
    assert.match(told['x-haif-worker'], /^[0-9a-f]{64}$/)
    assert.ok(comments.some((comment) => comment.startsWith('haif-explain ')))
  })

  // 429 and 503 with Retry-After, and 500, are in streams.test.ts: nothing here provokes them.
  await t.test('errors: the shape, the status and the code of each', async () => {
    const post = (path: string, init: RequestInit) =>
      fetch(mesh.url + path, { method: 'POST', ...init })
    const json = { 'content-type': 'application/json' }
    const cases: [Response, number, string][] = [
      [await post(CHAT, { headers: json, body: '{' }), 400, 'invalid_value'],
      [await mesh.post(CHAT, { ...chat, model: 'x' }), 404, 'model_not_found'],
      [await fetch(`${mesh.v1}/nowhere`), 404, 'not_found'],
      [
        await post(CHAT, { headers: json, body: ' '.repeat(1024 * 1024 + 1) }),
        413,
        'body_too_large'
      ],
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
      const body: unknown = await response.json()
      assert.ok(Compile(OpenAiErrorBody).Check(body), JSON.stringify(body))
      assert.deepEqual([response.status, body.error.code], [status, code])
      assert.ok(response.headers.get('x-request-id'))
    }
  })

  await t.test('errors: the same object inside a broken stream', async () => {
    const lastOf = async (path: string, body: object) => {
      const late = { 'x-haif-timeout-ms': '1000' } // it has begun by then
      const response = await mesh.post(path, { ...body, model: 'slow', stream: true }, late)
      const { events } = readStream(await response.text())
      assert.ok(events.length > 1, path)
      return JSON.parse(events.at(-1)!.data) as Fields
    }
    const completion = { prompt: 'hi', max_tokens: 5000 }
    const both = [lastOf(CHAT, chat), lastOf('/v1/completions', completion)]
    for (const last of await Promise.all(both)) {
      assert.ok(fits(OpenAiErrorBody, last), JSON.stringify(last))
      assert.equal(last['error'].code, 'deadline_exceeded')
    }
  })

  // That the partial usage is counted is in flow.test.ts.
  await t.test('a client that disconnects stops the worker within a second', async () => {
    const controller = new AbortController()
    const response = await fetch(mesh.url + CHAT, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...chat, model: 'slow', stream: true, n: 2 }),
      signal: controller.signal
    })
    await response.body!.getReader().read()
    await until(() => mesh.running() === 2)
    controller.abort()
    await until(() => mesh.running() === 0, 1000)
  })

  await t.test('completions: prompt as string, list, token ids; stream', async () => {
    const path = '/v1/completions'
    const asked = { model: 'haif-tiny', max_tokens: 3, temperature: 0 }
    for (const [prompt, count] of [
      ['a', 1],
      [['a', 'b'], 2],
      [[1, 2], 1],
      [[[1, 2], [3]], 2]
    ] as const) {
      const reply = await good(path, { ...asked, prompt })
      assert.ok(fits(CompletionReply, reply))
      assert.equal(reply['choices'].length, count)
    }
    const { choices } = await good(path, { ...asked, prompt: 'a' })
    const { events } = await stream(path, { ...asked, prompt: 'a' })
    assert.equal(events.pop()?.data, '[DONE]')
    const texts = events.map(
      ({ data }) => (JSON.parse(data) as Fields)['choices'][0].text as string
    )
    assert.equal(texts.join(''), choices[0].text)
  })

  await t.test('completions: echo and logprobs; suffix and best_of are refused', async () => {
    const path = '/v1/completions'
    const asked = { model: 'haif-tiny', prompt: 'HAIF', max_tokens: 3, temperature: 0 }
    const { choices } = await good(path, { ...asked, logprobs: 2 })
    const { tokens, text_offset: offsets } = choices[0].logprobs as Fields
    assert.deepEqual([tokens.length, offsets[0], offsets[1]], [3, 0, tokens[0].length])
    const echoed = await good(path, { ...asked, echo: true })
    assert.ok((echoed['choices'][0].text as string).startsWith('HAIF'))
    await refused(path, { ...asked, suffix: 'x' }, 'suffix')
    await refused(path, { ...asked, best_of: 2 }, 'best_of')
    await refused(path, { ...asked, echo: true, logprobs: 1 }, 'echo')
    await refused(path, { ...asked, echo: true, prompt: [1] }, 'echo')
  })

  await t.test('embeddings: string, list, tokens; base64 and float; usage', async () => {
    const path = '/v1/embeddings'
    const asked = { model: 'vectors', input: 'four' }
    const float = await good(path, asked)
    assert.ok(fits(EmbeddingsReply, float))
    assert.deepEqual(float['data'][0].embedding, [4, 4, 4])
    assert.deepEqual(float['usage'], { prompt_tokens: 1, total_tokens: 1 })
    const { data } = await good(path, { ...asked, encoding_format: 'base64' })
    const bytes = Buffer.from(data[0].embedding as string, 'base64')
    assert.equal(bytes.readFloatLE(8), 4)
    assert.equal((await good(path, { ...asked, input: ['a', 'b'] }))['data'].length, 2)
    assert.equal((await good(path, { ...asked, input: [1, 2] }))['data'].length, 1)
    assert.equal((await good(path, { ...asked, input: [[1], [2]] }))['data'].length, 2)
    await refused(path, { ...asked, dimensions: 2 }, 'dimensions')
    await refused(path, { ...asked, model: 'sim' }, 'model')
  })

  await t.test('responses: string or items, instructions, tools, text.format', async () => {
    const path = '/v1/responses'
    const reply = await good(path, { model: 'sim', input: 'hi', instructions: 'x' })
    assert.ok(fits(ResponseObject, reply), JSON.stringify(reply))
    assert.equal(reply['status'], 'completed')
    const items = [
      { role: 'user', content: [{ type: 'input_text', text: 'a' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'b' }] },
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: 'd' }
    ]
    // Drawn at random, its end may be among the first two tokens.
    const greedy = { model: 'random', temperature: 0 }
    const cut = await good(path, { ...greedy, input: items, max_output_tokens: 2 })
    assert.deepEqual(cut['incomplete_details'], { reason: 'max_output_tokens' })
    const format = { type: 'json_schema', name: 'n', schema: FUNCTION.parameters }
    const formed = await good(path, { model: 'haif-tiny', input: 'x', text: { format } })
    assert.ok('a' in (JSON.parse(formed['output'][0].content[0].text as string) as object))
    await refused(path, { model: 'sim', input: 'x', text: { format } }, 'text.format')
    await refused(path, { model: 'sim', input: [{ type: 'web_search_call' }] }, 'input[0].type')
    await refused(path, { model: 'sim', input: 'x', tools: [{ type: 'web_search' }] }, 'tools')
  })

  await t.test('responses: the object has every field, null where nothing was said', async () => {
    const path = '/v1/responses'
    const asked = { model: 'sim', input: 'x', store: false }
    const given = { ...asked, tools: [{ type: 'function', name: 'f', parameters: null }] }
    const { events } = await stream(path, asked)
    const objects = events
      .map(({ data }) => JSON.parse(data) as Fields)
      .filter((event) => 'response' in event)
      .map((event) => event['response'] as Fields)
    assert.equal(objects.length, 3) // created, in_progress, completed
    for (const object of [await good(path, asked), ...objects]) {
      const missing = RESPONSE_FIELDS.filter((field) => object[field] === undefined)
      assert.deepEqual(missing, [], object['status'] as string)
    }
    const { tools: echoed } = await good(path, { ...given, tool_choice: 'none' })
    const nothing = { description: null, parameters: null, strict: false }
    assert.deepEqual(echoed, [{ type: 'function', name: 'f', ...nothing }])
  })

  await t.test('responses: store, previous_response_id, GET, DELETE, cancel', async () => {
    const path = '/v1/responses'
    const first = await good(path, { model: 'sim', input: 'hi', metadata: { a: 'b' } })
    const read = await fetch(`${mesh.url}${path}/${first['id']}`)
    assert.deepEqual(await read.json(), first)
    const next = await good(path, { model: 'sim', input: 'go', previous_response_id: first['id'] })
    assert.ok(next['usage'].input_tokens > first['usage'].input_tokens)
    const reference = { type: 'item_reference', id: first['output'][0].id }
    await good(path, { model: 'sim', input: [reference, { role: 'user', content: 'x' }] })
    const cancel = await ask(`${path}/${first['id']}/cancel`, {})
    assert.equal(cancel.status, 400)
    const gone = await fetch(`${mesh.url}${path}/${first['id']}`, { method: 'DELETE' })
    assert.deepEqual(await gone.json(), { id: first['id'], object: 'response', deleted: true })
    assert.equal((await fetch(`${mesh.url}${path}/${first['id']}`)).status, 404)
    const unkept = await good(path, { model: 'sim', input: 'hi', store: false })
    assert.equal((await fetch(`${mesh.url}${path}/${unkept['id']}`)).status, 404)
    await refused(
      path,
      { model: 'sim', input: 'x', previous_response_id: 'resp_0' },
      'previous_response_id'
    )
  })

  await t.test('responses: truncation and background', async () => {
    const asked = { model: 'sim', input: 'x' }
    await good('/v1/responses', { ...asked, truncation: 'disabled', background: false })
    await refused('/v1/responses', { ...asked, truncation: 'auto' }, 'truncation')
    await refused('/v1/responses', { ...asked, background: true }, 'background')
  })

  await t.test('responses: the events in order, numbered, named by their type', async () => {
    const { events } = await stream('/v1/responses', { model: 'sim', input: 'hi' })
    const all = events.map(({ data }) => JSON.parse(data) as Fields)
    assert.deepEqual(
      all.map((event) => event['type'] as string),
      events.map(({ event }) => event)
    )
    assert.deepEqual(
      all.map((event) => event['sequence_number'] as number),
      all.map((_, index) => index)
    )
    const types = all.map((event) => event['type'] as string)
    assert.deepEqual(
      [...new Set(types)],
      [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.delta',
        'response.output_text.done',
        'response.content_part.done',
        'response.output_item.done',
        'response.completed'
      ]
    )
    assert.ok(fits(ResponseObject, all.at(-1)!['response']))
  })

  await t.test('extensions are headers: who served, Idempotency-Key', async () => {
    const { headers, body } = await ask(CHAT, chat)
    assert.match(headers.get('x-haif-worker') ?? '', /^[0-9a-f]{64}$/)
    assert.equal(headers.get('x-haif-attempts'), '1')
    assert.ok(!('explanations' in body))
    const explained = await ask(CHAT, chat, { 'x-haif-explain': '1' })
    assert.equal(explained.body['explanations'].length, 1)
    const key = { 'idempotency-key': 'k1' }
    const sampled = { ...tiny, temperature: 2, n: 2 }
    const [one, two] = [await ask(CHAT, sampled, key), await ask(CHAT, sampled, key)]
    assert.deepEqual(one.body['choices'], two.body['choices'])
    const other = await ask(CHAT, { ...sampled, max_tokens: 3 }, key)
    assert.deepEqual([other.status, other.body['error'].code], [409, 'conflict'])
  })

  await t.test('every field that is refused has its line in docs/openai.md', async () => {
    const page = readFileSync(new URL('../../../../docs/openai.md', import.meta.url), 'utf8')
    const all = {
      ...CHAT_REFUSALS,
      ...COMPLETION_REFUSALS,
      ...EMBEDDINGS_REFUSALS,
      ...RESPONSES_REFUSALS
    }
    for (const [param, { why }] of Object.entries(all)) {
      const line = page.split('\n').find((one) => one.includes(`\`${param}\``) && one.includes(why))
      assert.ok(line, `${param}: ${why}`)
    }
    for (const param of Object.keys(CHAT_REFUSALS))
      await refused(CHAT, { ...chat, [param]: [{ type: 'x' }] }, param)
  })
})
