/** Anthropic's own client against a real bridge in front of scripted gateways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Anthropic, {
  APIError,
  AuthenticationError,
  BadRequestError,
  OverloadedError,
  RateLimitError
} from '@anthropic-ai/sdk'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import { END, startBridge, type Infer } from '../bridge.ts'

const THINKS: InferenceItem[] = [
  { seq: 0, tokenIds: [1], text: '', reasoning: 'Well, ' },
  { seq: 1, tokenIds: [2], text: '', reasoning: 'so.' },
  { seq: 2, tokenIds: [3], text: 'I' },
  { seq: 3, tokenIds: [4], text: ' look.' },
  { seq: 4, tokenIds: [5], text: '', toolCalls: [{ index: 0, id: 'call_1', name: 'look' }] },
  { seq: 5, tokenIds: [6], text: '', toolCalls: [{ index: 0, arguments: '{"at":' }] },
  { seq: 6, tokenIds: [7], text: '', toolCalls: [{ index: 0, arguments: '"Oslo"}' }] },
  {
    seq: 7,
    tokenIds: [8],
    text: '',
    toolCalls: [{ index: 1, id: 'call_2', name: 'wait', arguments: '{}' }]
  }
]
const CALLS: InferenceEnd = { ...END, finishReason: 'toolCalls' }

const script: { items: InferenceItem[]; end: InferenceEnd | HaifError } = { items: [], end: END }
const infer: Infer = async function* () {
  yield* script.items
  if (script.end instanceof Error) throw script.end
  return script.end
}

const hi: Anthropic.MessageParam[] = [{ role: 'user', content: 'hi' }]
const ask = { model: 'claude-opus-5', max_tokens: 64, messages: hi }
const tools: Anthropic.Tool[] = [
  {
    name: 'look',
    description: 'Looks.',
    input_schema: {
      type: 'object',
      properties: { at: { type: ['string', 'null'], default: null } }
    }
  },
  { name: 'wait', input_schema: { type: 'object' } }
]

test("Anthropic's client", async (t) => {
  const bridge = await startBridge(t, { gateways: [infer] })
  const client = new Anthropic({ baseURL: bridge.url, apiKey: 'any', maxRetries: 0 })
  const asked = () => bridge.requests.at(-1)!.asked
  const set = (items: InferenceItem[], end: InferenceEnd | HaifError = END) => {
    Object.assign(script, { items, end })
  }

  await t.test('a whole message has thoughts, text, calls and usage', async () => {
    set(THINKS, CALLS)
    const thinking = { type: 'enabled', budget_tokens: 2048 } as const
    const { id, ...message } = await client.messages.create({ ...ask, tools, thinking })
    assert.match(id, /^msg_[A-Za-z0-9]+$/)
    assert.deepEqual(message, {
      type: 'message',
      role: 'assistant',
      model: 'test-model',
      content: [
        { type: 'thinking', thinking: 'Well, so.', signature: 'haif' },
        { type: 'text', text: 'I look.', citations: null },
        { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 'Oslo' } },
        { type: 'tool_use', id: 'call_2', name: 'wait', input: {} }
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: {
        input_tokens: 3,
        output_tokens: 3,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 2
      }
    })
    assert.equal(asked().reasoningEffort, 'low')
    assert.deepEqual(asked().tools?.[0]?.parameters, tools[0]?.input_schema)
  })

  await t.test('a stream says the same, block after block', async () => {
    set(THINKS, CALLS)
    const thinking = { type: 'adaptive' } as const
    const stream = client.messages.stream({ ...ask, tools, thinking })
    const types: string[] = []
    stream.on('streamEvent', ({ type }) => types.push(type))
    const message = await stream.finalMessage()
    assert.deepEqual(message.content, [
      { type: 'thinking', thinking: 'Well, so.', signature: 'haif' },
      { type: 'text', text: 'I look.', citations: null },
      { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 'Oslo' } },
      { type: 'tool_use', id: 'call_2', name: 'wait', input: {} }
    ])
    assert.equal(message.stop_reason, 'tool_use')
    assert.equal(message.usage.input_tokens, 3)
    assert.equal(message.usage.cache_read_input_tokens, 2)
    assert.equal(message.usage.output_tokens, 3)
    assert.equal(types[0], 'message_start')
    assert.equal(types.at(-1), 'message_stop')
    assert.equal(types.filter((type) => type === 'content_block_stop').length, 4)
  })

  await t.test('without thinking there are no thoughts', async () => {
    set(THINKS, CALLS)
    const { content } = await client.messages.create({ ...ask, tools })
    assert.equal(content[0]?.type, 'text')
    assert.equal(asked().reasoningEffort, 'none')
    const streamed = await client.messages.stream({ ...ask, tools }).finalMessage()
    assert.deepEqual(streamed.content, content)
  })

  await t.test('why it stopped', async () => {
    const text: InferenceItem[] = [{ seq: 0, tokenIds: [1], text: 'a' }]
    const wanted = { ...ask, stop_sequences: ['END'] }
    const reasons: [InferenceEnd, string, string | null][] = [
      [END, 'end_turn', null],
      [{ ...END, finishReason: 'length' }, 'max_tokens', null],
      [{ ...END, stopText: 'END' }, 'stop_sequence', 'END'],
      [{ ...END, stopText: 'of the template' }, 'end_turn', null]
    ]
    for (const [end, reason, sequence] of reasons) {
      set(text, end)
      const message = await client.messages.create(wanted)
      assert.deepEqual([message.stop_reason, message.stop_sequence], [reason, sequence])
    }
    assert.deepEqual(asked().stop, ['END'])
  })

  await t.test('a cut call has no input, and the reason says that it was cut', async () => {
    set(THINKS.slice(4, 6), { ...END, finishReason: 'length' })
    const message = await client.messages.create({ ...ask, tools })
    assert.deepEqual(message.content, [{ type: 'tool_use', id: 'call_1', name: 'look', input: {} }])
    assert.equal(message.stop_reason, 'max_tokens')
  })

  await t.test('a whole agent session reads as one conversation', async () => {
    set([{ seq: 0, tokenIds: [1], text: 'a' }])
    await client.messages.create({
      ...ask,
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=2; cch=1a2b;' },
        { type: 'text', text: 'Be short.', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'Be kind.' }
      ],
      metadata: { user_id: 'somebody' },
      tools: [...tools, { type: 'web_search_20250305', name: 'web_search' }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Where?' }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm.', signature: 'of another server' },
            { type: 'redacted_thinking', data: 'zzz' },
            { type: 'text', text: 'Let me see.' },
            { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: null } }
          ]
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_1',
              content: [{ type: 'text', text: 'Fog' }]
            },
            {
              type: 'document',
              title: 'Notes',
              source: { type: 'text', media_type: 'text/plain', data: 'Rain.' }
            },
            { type: 'text', text: 'And?' }
          ]
        }
      ]
    })
    assert.deepEqual(asked().input, {
      mode: 'chat',
      messages: [
        { role: 'system', content: 'Be short.\n\nBe kind.' },
        { role: 'user', content: 'Where?' },
        {
          role: 'assistant',
          content: 'Let me see.',
          reasoning: 'Hm.',
          toolCalls: [{ id: 'toolu_1', name: 'look', arguments: '{"at":null}' }]
        },
        { role: 'tool', content: 'Fog', toolCallId: 'toolu_1' },
        { role: 'user', content: 'Notes\n\nRain.And?' }
      ]
    })
    assert.equal(asked().toolChoice, 'required')
    assert.equal(asked().parallelToolCalls, false)
    assert.deepEqual(
      asked().tools?.map(({ name }) => name),
      ['look', 'wait']
    )
  })

  await t.test('tools of the vendor are named in a header', async () => {
    set([{ seq: 0, tokenIds: [1], text: 'a' }])
    const { response } = await client.messages
      .create({ ...ask, tools: [{ type: 'bash_20250124', name: 'bash' }] })
      .withResponse()
    assert.equal(response.headers.get('x-haif-skipped-tools'), 'bash_20250124:bash')
  })

  await t.test('a last message of the assistant is continued', async () => {
    set([{ seq: 0, tokenIds: [1], text: ' world' }])
    await client.messages.create({
      ...ask,
      messages: [...hi, { role: 'assistant', content: 'Hello' }]
    })
    assert.equal(asked().continueFinal, true)
  })

  await t.test('a schema of the output', async () => {
    set([{ seq: 0, tokenIds: [1], text: '{}' }])
    const schema = { type: 'object', properties: { a: { const: null } } }
    await client.messages.create({
      ...ask,
      output_config: { format: { type: 'json_schema', schema } }
    })
    assert.deepEqual(asked().responseFormat, { type: 'jsonSchema', schema })
  })

  await t.test('tokens of a prompt are estimated, with its tools', async () => {
    const { input_tokens: short } = await client.messages.countTokens({ model: 'm', messages: hi })
    const long = { model: 'm', messages: hi, system: 'Be short. '.repeat(100), tools }
    const { input_tokens: more } = await client.messages.countTokens(long)
    assert.ok(short >= 1 && more > short + 250, `${short}, ${more}`)
  })

  await t.test('errors are those that the client knows', async () => {
    const failures: [HaifError, unknown, number, string][] = [
      [new HaifError('UNAUTHENTICATED', 'no'), AuthenticationError, 401, 'authentication_error'],
      [new HaifError('RATE_LIMITED', 'no'), RateLimitError, 429, 'rate_limit_error'],
      [new HaifError('NO_ELIGIBLE_WORKER', 'no'), OverloadedError, 529, 'overloaded_error'],
      [new HaifError('CONTEXT_TOO_LONG', 'no'), BadRequestError, 400, 'invalid_request_error']
    ]
    for (const [error, type, status, name] of failures) {
      set([], error)
      await assert.rejects(client.messages.create(ask), (thrown) => {
        assert.ok(thrown instanceof APIError, String(thrown))
        assert.equal(thrown.constructor, type)
        assert.equal(thrown.status, status)
        const { error: inner, ...body } = thrown.error as { error: { type: string } }
        assert.equal(inner.type, name)
        assert.deepEqual(Object.keys(body), ['type', 'request_id'])
        return true
      })
    }
    // Agents look for these words.
    await assert.rejects(client.messages.create(ask), /prompt is too long/)
  })

  await t.test('a failure inside a stream is an error event', async () => {
    set(THINKS.slice(2, 4), new HaifError('WORKER_LOST', 'the worker went away'))
    await assert.rejects(client.messages.stream(ask).finalMessage(), (error) => {
      assert.ok(error instanceof APIError)
      assert.match(error.message, /the worker went away/)
      return true
    })
  })

  await t.test('bad bodies are refused with the name of the field', async () => {
    const bad: [object, RegExp][] = [
      [{ ...ask, max_tokens: 0 }, /max_tokens/],
      [{ model: 'm', messages: hi }, /max_tokens is missing/],
      [{ ...ask, messages: [] }, /messages/],
      [{ ...ask, mcp_servers: [{ type: 'url', url: 'https://x' }] }, /mcp_servers/],
      [{ ...ask, tool_choice: { type: 'tool', name: 'nobody' } }, /nobody/],
      [{ ...ask, tool_choice: { type: 'any' } }, /no tools/],
      [
        {
          ...ask,
          messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url' } }] }]
        },
        /text only/
      ]
    ]
    for (const [body, words] of bad) {
      await assert.rejects(
        client.messages.create(body as typeof ask & { stream?: false }),
        (error) => {
          assert.ok(error instanceof BadRequestError, String(error))
          assert.match(error.message, words)
          return true
        }
      )
    }
  })

  await t.test('addresses that do not exist answer in the same form', async () => {
    const response = await fetch(`${bridge.url}/v1/messages/batches`, { method: 'POST' })
    assert.equal(response.status, 404)
    const body = (await response.json()) as { type: string; error: { type: string } }
    assert.deepEqual([body.type, body.error.type], ['error', 'not_found_error'])
  })
})
