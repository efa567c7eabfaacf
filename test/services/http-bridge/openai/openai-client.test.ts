/** The official `openai` client against a whole mesh; nothing is set but `baseURL` and `apiKey`. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import OpenAI, { APIError, BadRequestError, NotFoundError } from 'openai'
import { until } from '../../../helpers/until.ts'
import { startOpenAiMesh, TOOL_SAMPLING } from './openai-mesh.ts'

type Asked = Omit<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming, 'stream'>

const WEATHER: OpenAI.Chat.ChatCompletionFunctionTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Says how the weather is.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 6 }, days: { enum: [1, 2, 3] } },
      required: ['city', 'days'],
      additionalProperties: false
    }
  }
}
const PERSON = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 6 }, age: { enum: [7, 8, 9] } },
  required: ['name', 'age'],
  additionalProperties: false
}

const mesh = await startOpenAiMesh({ after }, { llama: true })
const client = new OpenAI({ baseURL: mesh.v1, apiKey: 'any' })
const ask: Asked = { model: 'sim', messages: [{ role: 'user', content: 'hi' }] }
const tiny: Asked = {
  model: 'haif-tiny',
  temperature: 0,
  messages: [{ role: 'user', content: 'What is HAIF?' }]
}

test('models', async () => {
  const ids: string[] = []
  for await (const model of client.models.list()) ids.push(model.id)
  assert.deepEqual(ids.toSorted(), ['haif-tiny', 'random', 'sim', 'slow', 'vectors'])
  const model = await client.models.retrieve('haif-tiny')
  assert.equal(model.id, 'haif-tiny')
  await assert.rejects(client.models.retrieve('nobody/has'), (error) => {
    assert.ok(error instanceof NotFoundError)
    assert.equal(error.code, 'model_not_found')
    assert.equal(error.type, 'invalid_request_error')
    return true
  })
})

test('a chat, whole and streamed, with the same text', async () => {
  const whole = await client.chat.completions.create({ ...tiny, max_tokens: 40 })
  const [choice] = whole.choices
  assert.match(choice?.message.content ?? '', /HAIF/)
  assert.ok(whole.usage!.total_tokens > 5)
  const stream = await client.chat.completions.create({
    ...tiny,
    max_completion_tokens: 40,
    stream: true,
    stream_options: { include_usage: true }
  })
  let text = ''
  let usage: OpenAI.CompletionUsage | null | undefined
  let finish: string | null | undefined
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    finish = chunk.choices[0]?.finish_reason ?? finish
    usage = chunk.usage ?? usage
  }
  assert.equal(text, choice?.message.content)
  assert.equal(finish, choice?.finish_reason)
  assert.equal(usage?.completion_tokens, whole.usage?.completion_tokens)
})

test('the stream helper puts a completion together', async () => {
  const runner = client.chat.completions.stream({
    ...ask,
    stream_options: { include_usage: true }
  })
  const completion = await runner.finalChatCompletion()
  assert.equal(completion.choices[0]?.finish_reason, 'stop')
  assert.equal(completion.choices[0].message.content?.split(' ').length, 6)
})

test('several choices in one stream', async () => {
  const stream = await client.chat.completions.create({ ...ask, n: 3, stream: true })
  const texts = ['', '', '']
  for await (const { choices } of stream) {
    for (const { index, delta } of choices) texts[index] += delta.content ?? ''
  }
  assert.ok(
    texts.every((text) => text !== '' && text === texts[0]),
    texts.join('|')
  )
})

test('a tool call, whole and streamed, and its result', async () => {
  const asking: Asked = {
    ...tiny,
    model: 'random',
    ...TOOL_SAMPLING,
    max_tokens: 600,
    tools: [WEATHER],
    tool_choice: 'required',
    parallel_tool_calls: false
  }
  const whole = await client.chat.completions.create(asking)
  const [choice] = whole.choices
  assert.equal(choice?.finish_reason, 'tool_calls')
  const call = choice.message.tool_calls?.[0]
  assert.ok(call?.type === 'function')
  const given = JSON.parse(call.function.arguments) as Record<string, unknown>
  assert.deepEqual(Object.keys(given), ['city', 'days'])

  const streamed = await client.chat.completions.stream(asking).finalChatCompletion()
  const again = streamed.choices[0]?.message.tool_calls?.[0]
  assert.ok(again?.type === 'function')
  assert.equal(again.function.name, 'get_weather')
  assert.equal(again.function.arguments, call.function.arguments)

  const answered = await client.chat.completions.create({
    ...asking,
    tool_choice: 'auto',
    max_tokens: 5,
    messages: [
      ...tiny.messages,
      choice.message,
      { role: 'tool', tool_call_id: call.id, content: 'sunny' }
    ]
  })
  assert.equal(answered.choices[0]?.message.tool_calls, undefined)
  assert.ok(answered.usage!.prompt_tokens > whole.usage!.prompt_tokens)
})

test('JSON of a schema, and any JSON', async () => {
  const completion = await client.chat.completions.parse({
    ...tiny,
    max_tokens: 200,
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'person', strict: true, schema: PERSON }
    }
  })
  const person = JSON.parse(completion.choices[0]?.message.content ?? '') as object
  assert.deepEqual(Object.keys(person), ['name', 'age'])
  const any = await client.chat.completions.create({
    ...tiny,
    max_tokens: 300,
    response_format: { type: 'json_object' }
  })
  if (any.choices[0]?.finish_reason === 'stop') JSON.parse(any.choices[0].message.content ?? '')
})

test('logprobs', async () => {
  const completion = await client.chat.completions.create({
    ...tiny,
    max_tokens: 3,
    logprobs: true,
    top_logprobs: 2
  })
  const content = completion.choices[0]?.logprobs?.content ?? []
  assert.equal(content.length, 3)
  assert.ok(content.every(({ top_logprobs: top }) => top.length === 2))
  assert.equal(content[0]!.token, content[0]!.top_logprobs[0]!.token)
})

test('completions of texts and of token ids', async () => {
  const texts = await client.completions.create({
    model: 'haif-tiny',
    prompt: ['HAIF is', 'A worker'],
    max_tokens: 4,
    temperature: 0,
    echo: true,
    n: 2
  })
  assert.equal(texts.choices.length, 4)
  assert.ok(texts.choices[1]!.text.startsWith('HAIF is'))
  assert.ok(texts.choices[3]!.text.startsWith('A worker'))
  const tokens = await client.completions.create({
    model: 'haif-tiny',
    prompt: [[5, 6, 7], [8]],
    max_tokens: 2
  })
  assert.equal(tokens.choices.length, 2)
  let streamed = ''
  const stream = await client.completions.create({
    model: 'haif-tiny',
    prompt: 'HAIF is',
    max_tokens: 4,
    temperature: 0,
    stream: true
  })
  for await (const { choices } of stream) streamed += choices[0]?.text ?? ''
  assert.equal(`HAIF is${streamed}`, texts.choices[0]!.text)
})

test('embeddings: base64 by default, floats, tokens, and many', async () => {
  const one = await client.embeddings.create({ model: 'vectors', input: 'four' })
  assert.deepEqual(one.data[0]?.embedding, [4, 4, 4])
  const float = await client.embeddings.create({
    model: 'haif-tiny',
    input: ['What is HAIF?', 'A worker'],
    encoding_format: 'float'
  })
  assert.equal(float.data.length, 2)
  const length = Math.hypot(...float.data[0]!.embedding)
  assert.ok(Math.abs(length - 1) < 1e-3, `${length}`)
  const many = await client.embeddings.create({
    model: 'vectors',
    input: Array.from({ length: 500 }, (_, index) => 'x'.repeat(index + 1))
  })
  assert.deepEqual(
    many.data.map(({ embedding }) => embedding[0]),
    Array.from({ length: 500 }, (_, index) => index + 1)
  )
  const tokens = await client.embeddings.create({ model: 'vectors', input: [[1, 2], [3]] })
  assert.deepEqual(
    tokens.data.map(({ embedding }) => embedding[0]),
    [2, 1]
  )
})

test('responses: whole, streamed, continued, read and deleted', async () => {
  const first = await client.responses.create({
    model: 'haif-tiny',
    input: 'What is HAIF?',
    instructions: 'Be brief.',
    temperature: 0
  })
  assert.equal(first.status, 'completed')
  assert.match(first.output_text, /HAIF/)
  assert.equal((await client.responses.retrieve(first.id)).output_text, first.output_text)
  const stream = client.responses.stream({
    model: 'sim',
    input: [{ role: 'user', content: [{ type: 'input_text', text: 'and then?' }] }],
    previous_response_id: first.id
  })
  const second = await stream.finalResponse()
  assert.equal(second.previous_response_id, first.id)
  assert.equal(second.output_text.split(' ').length, 6)
  assert.ok(second.usage!.input_tokens > 10)
  await client.responses.delete(second.id)
  await assert.rejects(client.responses.retrieve(second.id), NotFoundError)
  await assert.rejects(
    client.responses.create({ model: 'sim', input: 'x', previous_response_id: second.id }),
    (error) => error instanceof BadRequestError && error.param === 'previous_response_id'
  )
  const other = new OpenAI({ baseURL: mesh.v1, apiKey: 'another', maxRetries: 0 })
  await assert.rejects(other.responses.retrieve(first.id), NotFoundError)
})

test('responses: a function call and its output', async () => {
  const { name, description, parameters } = WEATHER.function
  const tool = {
    type: 'function' as const,
    name,
    description: description ?? '',
    parameters: parameters ?? {},
    strict: true
  }
  const response = await client.responses.create({
    model: 'random',
    temperature: 0,
    input: 'How is the weather?',
    max_output_tokens: 600,
    tools: [tool],
    tool_choice: 'required',
    parallel_tool_calls: false
  })
  const call = response.output.find((item) => item.type === 'function_call')
  assert.ok(call, JSON.stringify(response.output))
  assert.deepEqual(Object.keys(JSON.parse(call.arguments) as object), ['city', 'days'])
  const next = await client.responses.create({
    model: 'random',
    previous_response_id: response.id,
    temperature: 0, // drawn by chance, its first tokens may be the end
    input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }],
    max_output_tokens: 4
  })
  assert.equal(next.status, 'incomplete')
  assert.equal(next.incomplete_details?.reason, 'max_output_tokens')
})

test('responses: JSON of a schema', async () => {
  const response = await client.responses.create({
    model: 'haif-tiny',
    temperature: 0,
    input: 'Who?',
    text: { format: { type: 'json_schema', name: 'person', strict: true, schema: { ...PERSON } } }
  })
  assert.deepEqual(Object.keys(JSON.parse(response.output_text) as object), ['name', 'age'])
})

test('errors have the class, the code and the param that the client knows', async () => {
  const cases: [OpenAI.Chat.ChatCompletionCreateParamsNonStreaming, string, string | null][] = [
    [{ ...ask, temperature: 3 }, 'invalid_value', 'temperature'],
    [{ ...ask, messages: [] }, 'invalid_value', 'messages'],
    [{ ...ask, stop: 'x' }, 'unsupported_parameter', 'stop'],
    [
      { ...ask, response_format: { type: 'json_object' } },
      'unsupported_parameter',
      'response_format'
    ],
    [
      { ...tiny, messages: [{ role: 'user', content: 'long '.repeat(2000) }] },
      'context_length_exceeded',
      null
    ]
  ]
  for (const [body, code, param] of cases) {
    await assert.rejects(client.chat.completions.create(body), (error) => {
      assert.ok(error instanceof BadRequestError, String(error))
      assert.deepEqual([error.code, error.param], [code, param], error.message)
      assert.ok(error.requestID)
      return true
    })
  }
  await assert.rejects(
    client.chat.completions.create({ ...ask, model: 'gpt-4o' }),
    (error) => error instanceof NotFoundError && error.code === 'model_not_found'
  )
})

test('an abort stops the worker', async () => {
  const stream = await client.chat.completions.create({ ...ask, model: 'slow', stream: true })
  for await (const chunk of stream) if ((chunk.choices[0]?.delta.content ?? '') !== '') break
  await mesh.idle()
  const controller = new AbortController()
  const whole = client.chat.completions.create(
    { ...ask, model: 'slow' },
    { signal: controller.signal }
  )
  const rejected = assert.rejects(whole, APIError)
  await until(() => mesh.running() > 0)
  controller.abort()
  await rejected
  await mesh.idle()
})
