/** Ollama's own client against a real bridge in front of scripted gateways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ollama, type ChatRequest, type Message } from 'ollama'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { ModelEntry } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import { END, startBridge, type Infer } from '../bridge.ts'

const ITEMS: InferenceItem[] = [
  { seq: 0, tokenIds: [1], text: '', reasoning: 'Well.' },
  { seq: 1, tokenIds: [2], text: 'I' },
  { seq: 2, tokenIds: [3], text: ' look.' },
  { seq: 3, tokenIds: [4], text: '', toolCalls: [{ index: 0, id: 'call_1', name: 'look' }] },
  { seq: 4, tokenIds: [5], text: '', toolCalls: [{ index: 0, arguments: '{"at":"Oslo"}' }] }
]
const MODEL: ModelEntry = {
  name: 'test-model',
  createdAt: 1_767_225_600,
  digest: 'ab'.repeat(32),
  contextTokens: 4096,
  engine: 'llama',
  workers: ['aa'],
  parameters: 4_000_000_000,
  quantization: 'Q4_K_M',
  sizeBytes: 2_500_000_000,
  capabilities: {
    tools: true,
    jsonSchema: true,
    embeddings: false,
    reasoning: true,
    vision: false
  }
}

const script: { items: InferenceItem[]; end: InferenceEnd | HaifError } = { items: [], end: END }
const infer: Infer = async function* () {
  yield* script.items
  if (script.end instanceof Error) throw script.end
  return script.end
}

const messages: Message[] = [{ role: 'user', content: 'hi' }]
const ask = { model: 'test-model', messages }
const tool = {
  type: 'function',
  function: { name: 'look', description: 'Looks.', parameters: { type: 'object' } }
}

test("Ollama's client", async (t) => {
  const bridge = await startBridge(t, { gateways: [infer], models: [MODEL] })
  const client = new Ollama({ host: bridge.url })
  const asked = () => bridge.requests.at(-1)!.asked
  const set = (items: InferenceItem[], end: InferenceEnd | HaifError = END) => {
    Object.assign(script, { items, end })
  }
  const post = (path: string, body: object) =>
    fetch(bridge.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' }
    })

  await t.test('a whole chat has thoughts, text, calls and figures', async () => {
    set(ITEMS, { ...END, finishReason: 'toolCalls' })
    const reply = await client.chat({ ...ask, stream: false, think: true, tools: [tool] })
    assert.deepEqual(
      { ...reply, created_at: '' },
      {
        model: 'test-model',
        created_at: '',
        message: {
          role: 'assistant',
          content: 'I look.',
          thinking: 'Well.',
          tool_calls: [
            { id: 'call_1', function: { index: 0, name: 'look', arguments: { at: 'Oslo' } } }
          ]
        },
        done: true,
        done_reason: 'stop',
        total_duration: 7_750_000,
        load_duration: 1_250_000,
        prompt_eval_count: 5,
        prompt_eval_duration: 2_500_000,
        eval_count: 3,
        eval_duration: 4_000_000
      }
    )
    assert.equal(asked().reasoningEffort, 'medium')
  })

  await t.test('a stream says the same in lines', async () => {
    set(ITEMS, { ...END, finishReason: 'toolCalls' })
    let [text, thinking, calls, last] = ['', '', 0, false]
    for await (const part of await client.chat({ ...ask, stream: true, tools: [tool] })) {
      text += part.message.content
      thinking += part.message.thinking ?? ''
      calls += part.message.tool_calls?.length ?? 0
      last = part.done
      if (part.done) assert.deepEqual([part.eval_count, part.done_reason], [3, 'stop'])
    }
    assert.deepEqual([text, thinking, calls, last], ['I look.', 'Well.', 1, true])
  })

  await t.test('lines are what a client gets that says nothing about streams', async () => {
    set([{ seq: 0, tokenIds: [1], text: 'a' }])
    const response = await post('/api/chat', ask)
    assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
    const lines = (await response.text()).trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { done: boolean }).done),
      [false, true]
    )
  })

  await t.test('options and the past reach the model', async () => {
    set([{ seq: 0, tokenIds: [1], text: '{}' }])
    const request: ChatRequest & { stream: false } = {
      model: 'test-model:latest',
      stream: false,
      think: 'high',
      format: { type: 'object', properties: { a: { const: null } } },
      keep_alive: '5m',
      options: { num_ctx: 8192, num_predict: 9, temperature: 0, seed: 7, stop: ['END'], top_k: 3 },
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'Where?', images: ['aGk='] },
        {
          role: 'assistant',
          content: '',
          thinking: 'Hm.',
          tool_calls: [{ function: { name: 'look', arguments: { at: 'Oslo' } } }]
        },
        { role: 'tool', content: 'Fog', tool_name: 'look' },
        { role: 'user', content: 'And?' }
      ]
    }
    await client.chat(request)
    assert.deepEqual(asked(), {
      model: 'test-model',
      maxTokens: 9,
      sampling: { temperature: 0, seed: 7, topK: 3 },
      stop: ['END'],
      reasoningEffort: 'high',
      responseFormat: {
        type: 'jsonSchema',
        schema: { type: 'object', properties: { a: { const: null } } }
      },
      input: {
        mode: 'chat',
        messages: [
          { role: 'system', content: 'Be short.' },
          {
            role: 'user',
            content: 'Where?[image]',
            media: [
              {
                media: { kind: 'image', data: 'data:image/jpeg;base64,aGk=' },
                at: 6,
                wordLength: 7,
                param: 'messages[1].content[1]'
              }
            ]
          },
          {
            role: 'assistant',
            content: '',
            reasoning: 'Hm.',
            toolCalls: [{ id: 'call_2_0', name: 'look', arguments: '{"at":"Oslo"}' }]
          },
          { role: 'tool', content: 'Fog', toolCallId: 'call_2_0' },
          { role: 'user', content: 'And?' }
        ]
      }
    })
  })

  await t.test('generate: a chat of one turn, or with raw the prompt as it is', async () => {
    set([{ seq: 0, tokenIds: [1], text: 'a' }], { ...END, finishReason: 'length' })
    const { response, done_reason } = await client.generate({
      model: 'test-model',
      prompt: 'hi',
      system: 'Be short.'
    })
    assert.deepEqual([response, done_reason], ['a', 'length'])
    assert.deepEqual(asked().input, {
      mode: 'chat',
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'hi' }
      ]
    })
    await client.generate({ model: 'test-model', prompt: '<s>hi', raw: true })
    assert.deepEqual(asked().input, { mode: 'direct', prompt: '<s>hi' })
  })

  await t.test('nothing to answer only looks for the model', async () => {
    const before = bridge.requests.length
    const loaded = await client.generate({ model: 'test-model', prompt: '' })
    assert.deepEqual([loaded.done, loaded.done_reason], [true, 'load'])
    assert.equal(bridge.requests.length, before)
  })

  await t.test('models: tags, ps, show, pull, version', async () => {
    const { models } = await client.list()
    const [model] = models
    assert.deepEqual(
      [model?.name, model?.size, model?.details.parameter_size, model?.details.quantization_level],
      ['test-model', 2_500_000_000, '4.0B', 'Q4_K_M']
    )
    assert.equal((await client.ps()).models[0]?.name, 'test-model')
    const shown = await client.show({ model: 'test-model:latest' })
    assert.deepEqual(shown.capabilities, ['completion', 'tools', 'thinking'])
    assert.equal(
      (shown.model_info as unknown as Record<string, number>)['haif.context_length'],
      4096
    )
    const states: string[] = []
    for await (const { status } of await client.pull({ model: 'test-model', stream: true })) {
      states.push(status)
    }
    assert.equal(states.at(-1), 'success')
    await assert.rejects(client.pull({ model: 'nobody' }), /haif join/)
    await assert.rejects(client.show({ model: 'nobody' }), /not found/)
    await assert.rejects(client.delete({ model: 'test-model' }), /not supported/)
    const version = (await (await fetch(`${bridge.url}/api/version`)).json()) as object
    assert.deepEqual(Object.keys(version), ['version', 'haif'])
  })

  await t.test('what curl -d sends is JSON, and from a page of a browser it is not', async () => {
    set([{ seq: 0, tokenIds: [1], text: 'a' }])
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const send = (headers: Record<string, string>, path = '/api/chat') =>
      fetch(bridge.url + path, { method: 'POST', body: JSON.stringify(ask), headers })
    assert.equal((await send(form)).status, 200)
    assert.equal((await send({ ...form, origin: bridge.url })).status, 415)
    assert.equal((await send({ ...form, 'sec-fetch-site': 'same-origin' })).status, 415)
    assert.equal((await send(form, '/v1/chat/completions')).status, 415)
  })

  await t.test('errors are one sentence, also inside a stream', async () => {
    set([], new HaifError('RATE_LIMITED', 'too many'))
    const refused = await post('/api/chat', ask)
    assert.equal(refused.status, 429)
    assert.deepEqual(await refused.json(), { error: 'too many' })
    set([{ seq: 0, tokenIds: [1], text: 'a' }], new HaifError('WORKER_LOST', 'it went away'))
    await assert.rejects(async () => {
      for await (const part of await client.chat({ ...ask, stream: true })) {
        assert.equal(part.done, false)
      }
    }, /it went away/)
  })

  await t.test('what cannot be done is refused with its name', async () => {
    const bad: [string, object, RegExp][] = [
      ['/api/generate', { model: 'm', prompt: 'a', suffix: 'b' }, /suffix/],
      ['/api/generate', { model: 'm', prompt: 'a', template: '{{ .Prompt }}' }, /template/],
      ['/api/generate', { model: 'm', prompt: 'a', context: [1, 2] }, /context/],
      ['/api/generate', { model: 'm', prompt: 'a', images: ['aGk='] }, /images/],
      ['/api/chat', { ...ask, options: { mirostat: 2 } }, /mirostat/],
      ['/api/chat', { messages }, /model is missing/],
      ['/api/embed', { model: 'm', input: 'a', dimensions: 3 }, /dimensions/],
      ['/api/create', { model: 'm' }, /create/],
      ['/api/nothing', {}, /there is no/]
    ]
    for (const [path, body, words] of bad) {
      const response = await post(path, body)
      const reply = (await response.json()) as { error: string }
      assert.ok(response.status >= 400 && response.status < 500, `${path}: ${response.status}`)
      assert.match(reply.error, words)
      assert.deepEqual(Object.keys(reply), ['error'])
    }
    const idle = { suffix: '', template: '', context: [], options: { mirostat: 0, typical_p: 1 } }
    set([{ seq: 0, tokenIds: [1], text: 'a' }])
    assert.equal((await post('/api/generate', { model: 'm', prompt: 'a', ...idle })).status, 200)
  })
})
