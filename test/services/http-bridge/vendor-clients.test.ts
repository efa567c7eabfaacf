/**
 * What the clients of Anthropic and Ollama expect, one test a line of the checklist, against one
 * mesh with the engine that runs models: `thinker` thinks and answers, `caller` thinks and calls,
 * both by the template of QwQ. Turns of coding agents are replayed against a simulated model.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import Anthropic, { BadRequestError, NotFoundError } from '@anthropic-ai/sdk'
import { Ollama, type ChatResponse } from 'ollama'
import { bundleTemplates } from '../../helpers/bundle-templates.ts'
import { writeChainModel } from '../../helpers/mesh/chain-model.ts'
import { readStream, startOpenAiMesh } from './openai/openai-mesh.ts'

const chatTemplate = bundleTemplates().get('Qwen-QwQ-32B')!
const mesh = await startOpenAiMesh(
  { after },
  {
    aliases: new Map([['claude-*', ['thinker']]]),
    files(folder) {
      const [thinker, caller] = [join(folder, 'thinker.gguf'), join(folder, 'caller.gguf')]
      writeChainModel(thinker, { chain: ['\nHm', '</think>', 'Yes'], chatTemplate })
      const control = ['</think>', '<tool_call>']
      // What ends a call is its ">".
      writeChainModel(caller, { chain: ['\nHm', ...control, '>'], control, chatTemplate })
      return [thinker, caller]
    }
  }
)
const anthropic = new Anthropic({ baseURL: mesh.url, apiKey: 'any', maxRetries: 0 })
const ollama = new Ollama({ host: mesh.url })
const user = { role: 'user' as const, content: 'How is the weather in Oslo?' }
const messages = [user]
const ask = { model: 'thinker', max_tokens: 300, messages }
const thinking = { type: 'adaptive' as const }
const input = {
  type: 'object' as const,
  properties: { city: { enum: ['Oslo'] } },
  required: ['city']
}
const tools = [{ name: 'get_weather', description: 'Says it.', input_schema: input }]
const tool = { type: 'function', function: { name: 'get_weather', parameters: input } }
const schema = { type: 'object', properties: { a: { const: 1 } }, required: ['a'] }
const THOUGHT = { type: 'thinking', thinking: 'Hm', signature: 'haif' }
const YES = { type: 'text', text: 'Yes', citations: null }

const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
  const response = await mesh.post(path, body, headers)
  return { response, text: await response.text() }
}
const chat = (more: object = {}): Promise<ChatResponse> =>
  ollama.chat({ model: 'thinker', messages, stream: false, ...more })

test('Anthropic: a whole message', async () => {
  const { id, usage, ...message } = await anthropic.messages.create({ ...ask, thinking })
  assert.match(id, /^msg_/)
  assert.deepEqual(message, {
    type: 'message',
    role: 'assistant',
    model: 'thinker',
    content: [THOUGHT, YES],
    stop_reason: 'end_turn',
    stop_sequence: null
  })
  assert.ok(usage.output_tokens > 5)
})

test('Anthropic: a stream is its events in order, each named as its type', async () => {
  const { response, text } = await post('/v1/messages', { ...ask, thinking, stream: true })
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  const events = readStream(text).events.map(({ event, data }) => {
    const { type } = JSON.parse(data) as { type: string }
    assert.equal(event, type)
    return type
  })
  const block = ['content_block_start', 'content_block_delta', 'content_block_stop']
  assert.deepEqual(
    events.filter((type, index) => type !== events[index - 1]),
    ['message_start', 'ping', ...block, ...block, 'message_delta', 'message_stop']
  )
  const streamed = await anthropic.messages.stream({ ...ask, thinking }).finalMessage()
  assert.deepEqual(streamed.content, [THOUGHT, YES])
})

test('Anthropic: thinking is on, off, or seen without its words', async () => {
  const contentOf = async (more: object) =>
    (await anthropic.messages.create({ ...ask, ...more })).content
  const budget = { type: 'enabled' as const, budget_tokens: 2048 }
  assert.deepEqual(await contentOf({ thinking: budget }), [THOUGHT, YES])
  assert.deepEqual(await contentOf({ thinking: { type: 'disabled' } }), [YES])
  assert.deepEqual(await contentOf({}), [YES])
  const omitted = { ...thinking, display: 'omitted' as const }
  const empty = { ...THOUGHT, thinking: '' }
  assert.deepEqual(await contentOf({ thinking: omitted }), [empty, YES])
  const stream = anthropic.messages.stream({ ...ask, thinking: omitted })
  assert.deepEqual((await stream.finalMessage()).content, [empty, YES])
})

test('Anthropic: a tool is called, whole and streamed, and its result is read', async () => {
  const asked = { ...ask, model: 'caller', tools, thinking }
  const { content, stop_reason: reason } = await anthropic.messages.create(asked)
  const [thought, call] = content
  assert.equal(reason, 'tool_use')
  assert.deepEqual(thought, THOUGHT)
  assert.ok(call?.type === 'tool_use')
  assert.deepEqual([call.name, call.input], ['get_weather', { city: 'Oslo' }])
  const streamed = await anthropic.messages.stream(asked).finalMessage()
  const again = streamed.content.at(-1)
  assert.ok(again?.type === 'tool_use')
  assert.deepEqual(again.input, call.input)
  const result = { type: 'tool_result' as const, tool_use_id: call.id, content: 'Fog' }
  const next = await anthropic.messages.create({
    ...asked,
    model: 'thinker',
    messages: [user, { role: 'assistant', content }, { role: 'user', content: [result] }]
  })
  assert.deepEqual(next.content, [THOUGHT, YES])
})

test('Anthropic: tool_choice any, tool, none; one call at a time', async () => {
  const choose = async (choice: Anthropic.ToolChoice, model = 'thinker') => {
    const message = await anthropic.messages.create({ ...ask, model, tools, tool_choice: choice })
    return message.content.map(({ type }) => type)
  }
  const one = { disable_parallel_tool_use: true }
  assert.deepEqual(await choose({ type: 'any', ...one }), ['tool_use'])
  assert.deepEqual(await choose({ type: 'tool', name: 'get_weather', ...one }), ['tool_use'])
  assert.deepEqual(await choose({ type: 'none' }), ['text'])
  assert.deepEqual(await choose({ type: 'auto' }, 'caller'), ['tool_use'])
})

test('Anthropic: system texts and blocks; what a cache had is counted apart', async () => {
  const cache_control = { type: 'ephemeral' as const }
  const system = [{ type: 'text' as const, text: 'Be short. '.repeat(20), cache_control }]
  const create = () => anthropic.messages.create({ ...ask, system, metadata: { user_id: 'u' } })
  const { usage: first } = await create()
  const { usage: second } = await create()
  const total = (usage: Anthropic.Usage) => usage.input_tokens + usage.cache_read_input_tokens!
  assert.equal(total(second), total(first))
  assert.ok(second.cache_read_input_tokens! > 200, JSON.stringify(second))
  const text = await anthropic.messages.create({ ...ask, system: system[0]!.text })
  assert.equal(total(text.usage), total(first))
})

test('Anthropic: stop_sequences, max_tokens and sampling', async () => {
  const stop = await anthropic.messages.create({ ...ask, stop_sequences: ['s'] })
  assert.deepEqual([stop.stop_reason, stop.stop_sequence], ['stop_sequence', 's'])
  assert.deepEqual(stop.content, [{ ...YES, text: 'Ye' }])
  const cut = await anthropic.messages.create({ ...ask, max_tokens: 2, thinking })
  assert.equal(cut.stop_reason, 'max_tokens')
  const sampled = { ...ask, temperature: 1, top_p: 0.9, top_k: 5 }
  assert.deepEqual((await anthropic.messages.create(sampled)).content, [YES])
})

test('Anthropic: the tokens of a prompt are those that its answer counts', async () => {
  for (const more of [{}, { thinking }, { system: 'Be short.' }, { tools }, { tools, thinking }]) {
    const { usage } = await anthropic.messages.create({ ...ask, ...more })
    const counted = await anthropic.messages.countTokens({ model: 'thinker', messages, ...more })
    const read = usage.input_tokens + usage.cache_read_input_tokens!
    assert.equal(counted.input_tokens, read, JSON.stringify(more))
  }
  const begun = [user, { role: 'assistant' as const, content: 'Y' }]
  const { usage } = await anthropic.messages.create({ ...ask, messages: begun })
  const counted = await anthropic.messages.countTokens({ model: 'thinker', messages: begun })
  assert.equal(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens!)
  await assert.rejects(anthropic.messages.countTokens({ model: 'nobody', messages }), NotFoundError)
})

test('Anthropic: a schema of the output, after the thoughts', async () => {
  const format = { type: 'json_schema' as const, schema }
  const asked = { ...ask, thinking, output_config: { format } }
  const [thought, block] = (await anthropic.messages.create(asked)).content
  assert.deepEqual(thought, THOUGHT)
  assert.deepEqual(JSON.parse(block?.type === 'text' ? block.text : ''), { a: 1 })
})

test('Anthropic: blocks of the past are read, and an image of now is refused', async () => {
  const source = { type: 'base64' as const, media_type: 'image/png' as const, data: 'AAAA' }
  const image = { type: 'image' as const, source }
  const past: Anthropic.MessageParam[] = [
    { role: 'user', content: [image, { type: 'text', text: 'What is it?' }] },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 'of another server' },
        { type: 'text', text: 'A cat.' }
      ]
    }
  ]
  const { content } = await anthropic.messages.create({ ...ask, messages: [...past, user] })
  assert.deepEqual(content, [YES])
  await assert.rejects(
    anthropic.messages.create({ ...ask, messages: [{ role: 'user', content: [image] }] }),
    BadRequestError
  )
})

test('Anthropic: a last message of the assistant is continued', async () => {
  const begun = [user, { role: 'assistant' as const, content: 'Y' }]
  const { content } = await anthropic.messages.create({ ...ask, messages: begun })
  assert.deepEqual(content, [{ ...YES, text: 'es' }])
})

test('Anthropic: names of its models find one of ours; x-api-key and api-key are keys', async () => {
  const { model, content } = await anthropic.messages.create({ ...ask, model: 'claude-opus-5' })
  assert.deepEqual([model, content], ['thinker', [YES]])
  const { response } = await post('/v1/messages', ask, { 'api-key': 'any' })
  assert.equal(response.status, 200)
})

test('Anthropic: errors have its form', async () => {
  await assert.rejects(anthropic.messages.create({ ...ask, model: 'nobody' }), NotFoundError)
  const long = { ...user, content: 'word '.repeat(5000) }
  await assert.rejects(anthropic.messages.create({ ...ask, messages: [long] }), (error) => {
    assert.ok(error instanceof BadRequestError)
    assert.equal(error.type, 'invalid_request_error')
    assert.match(error.message, /prompt is too long/)
    return true
  })
  const version = { 'anthropic-version': '2023-06-01' }
  const { text } = await post('/v1/nothing', {}, version)
  const { type, error } = JSON.parse(text) as { type: string; error: { type: string } }
  assert.deepEqual([type, error.type], ['error', 'not_found_error'])
})

test('Ollama: a chat, whole and in lines, with thoughts or without', async () => {
  const whole = await chat({ think: true })
  assert.deepEqual([whole.message.thinking, whole.message.content], ['Hm', 'Yes'])
  assert.deepEqual([whole.done, whole.done_reason], [true, 'stop'])
  assert.ok(whole.prompt_eval_count > 5 && whole.eval_count > 5 && whole.total_duration > 0)
  let [text, thoughts] = ['', '']
  const asked = { model: 'thinker', messages, think: 'high' as const }
  for await (const { message, done } of await ollama.chat({ ...asked, stream: true })) {
    text += message.content
    thoughts += message.thinking ?? ''
    if (done) assert.deepEqual([thoughts, text], ['Hm', 'Yes'])
  }
  assert.equal((await chat({ think: false })).message.thinking, undefined)
})

test('Ollama: a tool is called, whole and in lines, and its result is read', async () => {
  const asked = { model: 'caller', messages, tools: [tool] }
  const { message } = await chat(asked)
  const [call] = message.tool_calls ?? []
  assert.deepEqual(
    [call?.function.name, call?.function.arguments],
    ['get_weather', { city: 'Oslo' }]
  )
  const calls: object[] = []
  for await (const part of await ollama.chat({ ...asked, stream: true })) {
    calls.push(...(part.message.tool_calls ?? []).map((one) => one.function.arguments))
  }
  assert.deepEqual(calls, [{ city: 'Oslo' }])
  const result = { role: 'tool', content: 'Fog', tool_name: 'get_weather' }
  const next = await chat({ messages: [user, message, result], tools: [tool] })
  assert.equal(next.message.content, 'Yes')
})

test('Ollama: generate, with a system text, raw, streamed', async () => {
  const asked = { model: 'thinker', prompt: 'hi', system: 'Be short.' }
  const whole = await ollama.generate({ ...asked, think: true })
  assert.deepEqual([whole.thinking, whole.response], ['Hm', 'Yes'])
  let text = ''
  for await (const part of await ollama.generate({ ...asked, stream: true })) text += part.response
  assert.equal(text, 'Yes')
  const raw = await ollama.generate({ model: 'thinker', prompt: 'Y', raw: true })
  assert.deepEqual([raw.response, raw.prompt_eval_count], ['es', 1])
})

test('Ollama: format is json or a schema', async () => {
  const { message } = await chat({ think: true, format: schema })
  assert.deepEqual([message.thinking, JSON.parse(message.content)], ['Hm', { a: 1 }])
  const whole = await ollama.generate({ model: 'thinker', prompt: 'hi', format: schema })
  assert.deepEqual(JSON.parse(whole.response ?? ''), { a: 1 })
  // Any JSON of a chain without braces is whatever the grammar allows: only that it begins so.
  const any = await chat({ format: 'json', options: { num_predict: 8 } })
  assert.match(any.message.content, /^\s*[{["\dntf-]/)
})

test('Ollama: options, and the likelihood of each token', async () => {
  const options = { temperature: 0, top_k: 3, seed: 7, num_predict: 20 }
  const { logprobs = [] } = await chat({ options, logprobs: true, top_logprobs: 2 })
  const tokens = ['Y', 'e', 's'] // and then the one that ends the turn
  assert.deepEqual(
    logprobs.slice(-4, -1).map(({ token, top_logprobs: top }) => [token, top?.length]),
    tokens.map((token) => [token, 2])
  )
  assert.equal((await chat({ options: { stop: ['s'] } })).message.content, 'Ye')
  assert.equal((await chat({ options: { num_predict: 2 } })).done_reason, 'length')
})

test('Ollama: models, and what each can do', async () => {
  const { models } = await ollama.list()
  assert.ok(models.some(({ name, size }) => name === 'thinker' && size > 1000))
  assert.ok((await ollama.ps()).models.some(({ name }) => name === 'thinker'))
  const { capabilities } = await ollama.show({ model: 'thinker:latest' })
  assert.deepEqual(capabilities, ['completion', 'tools', 'thinking', 'embedding'])
  assert.match((await ollama.version()).version, /^\d+\.\d+\.\d+$/)
  const states: string[] = []
  for await (const { status } of await ollama.pull({ model: 'thinker', stream: true })) {
    states.push(status)
  }
  assert.equal(states.at(-1), 'success')
  assert.equal((await ollama.generate({ model: 'thinker', prompt: '' })).done_reason, 'load')
})

test('Ollama: what would change the machines is refused by name', async () => {
  await assert.rejects(ollama.delete({ model: 'thinker' }), /not supported/)
  await assert.rejects(ollama.copy({ source: 'thinker', destination: 'b' }), /not supported/)
  await assert.rejects(ollama.push({ model: 'thinker' }), /not supported/)
  await assert.rejects(ollama.create({ model: 'b', from: 'thinker' }), /not supported/)
})

test('Ollama: vectors', async () => {
  const { embeddings } = await ollama.embed({ model: 'vectors', input: ['a', 'bb'] })
  assert.equal(embeddings.length, 2)
  const { embedding } = await ollama.embeddings({ model: 'vectors', prompt: 'a' })
  assert.deepEqual(embedding, embeddings[0])
})

test('Ollama: errors are one sentence, with the status of the kind', async () => {
  await assert.rejects(chat({ model: 'nobody' }), { status_code: 404 })
  await assert.rejects(chat({ messages: [{ ...user, images: ['aGk='] }] }), {
    status_code: 400,
    message: /text only/
  })
  const long = { ...user, content: 'word '.repeat(5000) }
  await assert.rejects(chat({ messages: [long] }), { status_code: 400 })
})

test('a client of either that goes away stops its answer', async () => {
  const slow = { ...ask, model: 'slow', max_tokens: 100_000 }
  const stream = anthropic.messages.stream(slow)
  stream.on('text', () => stream.abort())
  await assert.rejects(stream.finalMessage())
  await mesh.idle()
  const lines = await ollama.chat({ model: 'slow', messages, stream: true })
  await assert.rejects(async () => {
    for await (const part of lines) if (!part.done) ollama.abort()
  })
  await mesh.idle()
})

interface Turn {
  agent: string
  path: string
  headers: Record<string, string>
  body: object
}

/**
 * What coding agents sent, each with a question and with the result of its tool after it; of long
 * texts only the beginnings are kept.
 */
const turns = readFileSync(new URL('../../helpers/recorded/agents.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Turn)

for (const [index, { agent, path, headers, body }] of turns.entries()) {
  const isFirst = index % 2 === 0
  test(`${agent} is answered ${isFirst ? 'with a call of its tool' : 'after the result'}`, async () => {
    const response = await mesh.post(path, body, headers)
    const events = await response.text()
    assert.equal(response.status, 200, events)
    const { type, end } = STREAMS[path.replace(/\?.*/, '')]!
    assert.match(response.headers.get('content-type') ?? '', type)
    assert.match(events, end)
    assert.equal(/"(tool_use|function_call|tool_calls)"/.test(events), isFirst, events)
  })
}

const EVENTS = /^text\/event-stream/
const STREAMS: Readonly<Record<string, { type: RegExp; end: RegExp }>> = {
  '/v1/messages': { type: EVENTS, end: /event: message_stop\n.*\n\n$/ },
  '/v1/responses': { type: EVENTS, end: /event: response.completed\n.*\n\n$/ },
  '/v1/chat/completions': { type: EVENTS, end: /data: \[DONE\]\n\n$/ },
  '/api/chat': { type: /^application\/x-ndjson/, end: /\n{.*"done":true,"done_reason":.*}\n$/ }
}
