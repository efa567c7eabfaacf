import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import {
  DoneEvent,
  NativeInferReply,
  TokenEvent,
  VersionedInferReply
} from '#shared/contracts/http/infer.ts'
import { END, openStream, parseEvents, readText, says, startBridge, type Infer } from '../bridge.ts'
import { settled, until } from '../../../helpers/until.ts'

const TEXTS = ['Line one\n', '\tline two\r\n', '', '“quotes”, {braces}\n\n', 'data: x\n\nend']
const OUTPUT = TEXTS.join('')

test('the native body gets one JSON reply, newlines intact, and says who served it', async (t) => {
  const bridge = await startBridge(t, { gateways: [says(...TEXTS)] })
  const response = await bridge.post({ prompt: 'hi' }, { 'x-request-id': 'my.request-1' })
  const body = await response.json()
  assert.equal(response.status, 200)
  assert.deepEqual(body, {
    model: 'test-model',
    output: OUTPUT,
    max_tokens: 128,
    mode: 'chat',
    provider: 'sim',
    request_id: 'my.request-1',
    usage: {
      prompt_tokens: 5,
      completion_tokens: 3,
      total_tokens: 8,
      prompt_tokens_details: { cached_tokens: 2 }
    },
    finish_reason: 'stop'
  })
  assert.ok(Compile(NativeInferReply).Check(body))
  const header = (name: string) => response.headers.get(name)
  assert.equal(header('x-request-id'), 'my.request-1')
  assert.equal(header('x-haif-worker'), 'bb')
  assert.equal(header('x-haif-attempts'), '2')
  assert.equal(header('x-haif-queue-ms'), '1.25')
  assert.equal(header('x-haif-prefill-ms'), '2.5')
  assert.deepEqual(bridge.requests, [
    {
      asked: {
        input: { mode: 'chat', messages: [{ role: 'user', content: 'hi' }] },
        maxTokens: 128,
        sampling: { temperature: 0.2 }
      },
      handling: {},
      charge: { caller: '127.0.0.1' }
    }
  ])
})

test('every field of the native body reaches the gateway under its name in the mesh', async (t) => {
  const bridge = await startBridge(t)
  const response = await bridge.post({
    input: 'Once upon',
    mode: 'direct',
    model: 'some-model',
    max_tokens: 7,
    temperature: 0,
    top_p: 0.9,
    top_k: 40,
    min_p: 0.05,
    seed: 42,
    stop: ['\n\n', 'END'],
    frequency_penalty: -0.5,
    presence_penalty: 0.5,
    repeat_penalty: 1.1,
    tenant_id: 'acme',
    some_unknown_field: { is: ['ignored'] }
  })
  assert.equal(response.status, 200)
  assert.deepEqual(bridge.requests[0], {
    asked: {
      input: { mode: 'direct', prompt: 'Once upon' },
      model: 'some-model',
      maxTokens: 7,
      sampling: {
        temperature: 0,
        topP: 0.9,
        topK: 40,
        minP: 0.05,
        seed: 42,
        frequencyPenalty: -0.5,
        presencePenalty: 0.5,
        repeatPenalty: 1.1
      },
      stop: ['\n\n', 'END']
    },
    handling: {},
    charge: { tenantId: 'acme', caller: '127.0.0.1' }
  })
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'hi' }
  ]
  await bridge.post({ messages, stop: 'END' })
  assert.deepEqual(bridge.requests[1]?.asked.input, { mode: 'chat', messages })
  assert.deepEqual(bridge.requests[1]?.asked.stop, ['END'])
})

test('the versioned body gets the text and the request id, and has its own defaults', async (t) => {
  const bridge = await startBridge(t, { gateways: [says(...TEXTS)] })
  const response = await bridge.post(
    { api_version: 'v1', prompt: 'hi' },
    { accept: 'text/event-stream' }
  )
  const body = await response.json()
  const requestId = response.headers.get('x-request-id')
  assert.deepEqual(body, { api_version: 'v1', text: OUTPUT, request_id: requestId })
  assert.ok(Compile(VersionedInferReply).Check(body))
  assert.equal(bridge.requests[0]?.asked.maxTokens, 100)
  assert.equal(bridge.requests[0]?.asked.sampling.temperature, 0.7)
})

for (const [how, body, headers] of [
  ['stream: true', { prompt: 'hi', stream: true }, {}],
  ['Accept: text/event-stream', { prompt: 'hi' }, { accept: 'text/event-stream' }]
] as const) {
  test(`${how} gives token events and one done event`, async (t) => {
    const bridge = await startBridge(t, { gateways: [says(...TEXTS)] })
    const response = await bridge.post(body, headers)
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    const requestId = response.headers.get('x-request-id')
    const events = parseEvents(await response.text())
    const tokens = events.filter(({ event }) => event === 'token')
    const done = events.at(-1)
    assert.equal(tokens.length, 4) // one item had no text
    assert.equal(tokens.map(({ data }) => data['text']).join(''), OUTPUT)
    assert.deepEqual(
      tokens.map(({ data }) => data['index']),
      [0, 1, 3, 4]
    )
    assert.ok(tokens.every(({ data }) => Compile(TokenEvent).Check(data)))
    assert.equal(events.length, tokens.length + 1)
    assert.equal(done?.event, 'done')
    assert.ok(Compile(DoneEvent).Check(done?.data))
    assert.equal(done?.data['request_id'], requestId)
    assert.equal(done?.data['finish_reason'], 'stop')
    assert.equal(done?.data['worker'], 'bb')
    assert.deepEqual(done?.data['timings'], { queue_ms: 1.25, prefill_ms: 2.5, decode_ms: 4 })
  })
}

test('stream: false wins over the Accept header', async (t) => {
  const bridge = await startBridge(t)
  const response = await bridge.post(
    { prompt: 'hi', stream: false },
    { accept: 'text/event-stream' }
  )
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
})

test('a token is on its way to the client before the next one is made', async (t) => {
  const { promise: seen, resolve: see } = Promise.withResolvers<void>()
  const bridge = await startBridge(t, {
    gateways: [
      async function* () {
        yield { seq: 0, tokenIds: [0], text: 'first' }
        await seen
        yield { seq: 1, tokenIds: [1], text: 'second' }
        return END
      }
    ]
  })
  const { response } = await openStream(bridge)
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (text.includes('first')) see()
  }
  assert.deepEqual(
    parseEvents(text).map(({ event }) => event),
    ['token', 'token', 'done']
  )
})

test('a long silence is filled with comments, also before the first token', async (t) => {
  const { promise: commented, resolve } = Promise.withResolvers<void>()
  const bridge = await startBridge(t, {
    keepAliveMs: 20,
    gateways: [
      async function* () {
        await commented
        yield { seq: 0, tokenIds: [0], text: 'at last' }
        return END
      }
    ]
  })
  const { response } = await openStream(bridge)
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (text.split(': keep-alive\n\n').length > 2) resolve()
  }
  assert.deepEqual(
    parseEvents(text.replaceAll(': keep-alive\n\n', '')).map(({ event }) => event),
    ['token', 'done']
  )
})

test('the context carries the trace and the shortened deadline', async (t) => {
  const bridge = await startBridge(t, { requestTimeoutMs: 60_000 })
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
  await bridge.post({ prompt: 'hi' }, { traceparent, 'x-haif-timeout-ms': '30000' })
  await bridge.post({ prompt: 'hi' }, { traceparent: 'nonsense', 'x-haif-timeout-ms': '90000' })
  const [first, second] = bridge.contexts
  assert.equal(first?.traceparent, traceparent)
  assert.ok(first.remainingMs() <= 30_000)
  assert.match(second?.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  assert.ok(second!.remainingMs() > 30_000 && second!.remainingMs() <= 60_000)
})

test('headers with the names of fields mean nothing', async (t) => {
  const bridge = await startBridge(t)
  const response = await bridge.post({ prompt: 'hi' }, { model: '', max_tokens: 'x', stop: 'y' })
  assert.equal(response.status, 200)
})

test('a badly formed request id is replaced', async (t) => {
  const bridge = await startBridge(t)
  for (const id of ['a b', 'x'.repeat(65), 'é']) {
    const response = await bridge.post({ prompt: 'hi' }, { 'x-request-id': id })
    assert.match(response.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
  }
})

test('a request that outlives its deadline gets 504', async (t) => {
  const bridge = await startBridge(t, {
    gateways: [
      async function* (_request, { signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        yield* []
        return END
      }
    ]
  })
  const response = await bridge.post({ prompt: 'hi' }, { 'x-haif-timeout-ms': '50' })
  assert.equal(response.status, 504)
  const refused = await bridge.post({ prompt: 'hi' }, { 'x-haif-timeout-ms': 'soon' })
  assert.equal(refused.status, 400)
})

test('a client that goes away stops the handler, with JSON and with events', async (t) => {
  const aborted: boolean[] = []
  const endless: Infer = async function* (_request, { signal }) {
    signal.addEventListener('abort', () => aborted.push(true))
    for (let seq = 0; !signal.aborted; seq++) {
      yield { seq, tokenIds: [seq], text: 'x' }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return END
  }
  const bridge = await startBridge(t, { gateways: [endless] })
  const { request, response } = await openStream(bridge)
  await new Promise((resolve) => response.once('data', resolve))
  request.destroy()
  await untilLength(aborted, 1)

  const client = new AbortController()
  const json = fetch(`${bridge.url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"prompt":"hi"}',
    signal: client.signal
  })
  await untilLength(bridge.requests, 2)
  client.abort()
  await assert.rejects(json)
  await untilLength(aborted, 2)
  assert.equal((await fetch(`${bridge.url}/health`)).status, 200)
})

test('a client that does not read slows the producer', async (t) => {
  let made = 0
  const bridge = await startBridge(t, {
    gateways: [
      async function* () {
        for (let seq = 0; seq < 20_000; seq++) {
          made++
          yield { seq, tokenIds: [seq], text: '\u0001'.repeat(200) } // six times as long in JSON
        }
        return END
      }
    ]
  })
  const body = { prompt: 'hi', stream: true, max_tokens: 20_000 }
  const { response } = await openStream(bridge, body)
  const stoodStillAt = await settled(() => made)
  assert.ok(stoodStillAt < 15_000, `${stoodStillAt} of 20000 items made while nobody read`)
  const events = parseEvents(await readText(response))
  assert.equal(events.length, 20_001) // and nothing is lost
  assert.equal(events.at(-1)?.event, 'done')
})

const untilLength = (list: unknown[], length: number) => until(() => list.length >= length)
