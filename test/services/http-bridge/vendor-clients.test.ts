/**
 * The clients of Anthropic and Ollama, and turns of coding agents, against a whole mesh: answers,
 * tools, errors, going away.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import Anthropic, { NotFoundError } from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import { startOpenAiMesh } from './openai/openai-mesh.ts'

const mesh = await startOpenAiMesh({ after })
const anthropic = new Anthropic({ baseURL: mesh.url, apiKey: 'any', maxRetries: 0 })
const ollama = new Ollama({ host: mesh.url })
const ask = { model: 'sim', max_tokens: 6, messages: [{ role: 'user' as const, content: 'hi' }] }
const input = { type: 'object' as const, properties: { city: { type: 'string' } } }

test('all APIs give the same answer to the same question', async () => {
  const options = { num_predict: 6 }
  const { content, usage } = await anthropic.messages.create(ask)
  const streamed = await anthropic.messages.stream(ask).finalText()
  const { message, eval_count: count } = await ollama.chat({ ...ask, options })
  let text = ''
  for await (const part of await ollama.chat({ ...ask, options, stream: true })) {
    text += part.message.content
  }
  assert.ok(content[0]?.type === 'text' && content[0].text.length > 0)
  assert.deepEqual([streamed, message.content, text], Array(3).fill(content[0].text))
  assert.deepEqual([usage.output_tokens, count], [6, 6])
})

test('a call of a tool, and the answer after its result', async () => {
  const tools = [{ name: 'get_weather', input_schema: input }]
  const question = { role: 'user' as const, content: 'How is the weather in Oslo?' }
  const max_tokens = 200
  const asked = { ...ask, max_tokens, tools, messages: [question] }
  const { content, stop_reason: reason } = await anthropic.messages.create(asked)
  const call = content.find((block) => block.type === 'tool_use')
  assert.equal(reason, 'tool_use')
  assert.ok(call !== undefined)
  const result = { type: 'tool_result' as const, tool_use_id: call.id, content: 'Fog' }
  const next = await anthropic.messages.create({
    ...asked,
    messages: [question, { role: 'assistant', content }, { role: 'user', content: [result] }]
  })
  assert.equal(next.content[0]?.type, 'text')

  const tool = { type: 'function', function: { name: 'get_weather', parameters: input } }
  const reply = await ollama.chat({ model: 'sim', messages: [question], tools: [tool] })
  const [made] = reply.message.tool_calls ?? []
  assert.equal(made?.function.name, 'get_weather')
  assert.deepEqual(made.function.arguments, call.input)
})

test('vectors', async () => {
  const { embeddings } = await ollama.embed({ model: 'vectors', input: ['a', 'bb'] })
  assert.equal(embeddings.length, 2)
  const { embedding } = await ollama.embeddings({ model: 'vectors', prompt: 'a' })
  assert.deepEqual(embedding, embeddings[0])
})

test('a model that nobody has', async () => {
  await assert.rejects(anthropic.messages.create({ ...ask, model: 'nobody' }), NotFoundError)
  await assert.rejects(ollama.chat({ ...ask, model: 'nobody' }), { status_code: 404 })
})

test('a client that goes away stops its answer', async () => {
  const slow = { ...ask, model: 'slow', max_tokens: 100_000 }
  const stream = anthropic.messages.stream(slow)
  stream.on('text', () => stream.abort())
  await assert.rejects(stream.finalMessage())
  await mesh.idle()
  const lines = await ollama.chat({ model: 'slow', messages: ask.messages, stream: true })
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
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    assert.match(events, ENDS[path.replace(/\?.*/, '')]!)
    assert.equal(/"(tool_use|function_call|tool_calls)"/.test(events), isFirst, events)
  })
}

const ENDS: Readonly<Record<string, RegExp>> = {
  '/v1/messages': /event: message_stop\n.*\n\n$/,
  '/v1/responses': /event: response.completed\n.*\n\n$/,
  '/v1/chat/completions': /data: \[DONE\]\n\n$/
}
