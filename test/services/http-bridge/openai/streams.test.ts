/**
 * What a client of OpenAI's API sees when an answer is slow, or fails: on each endpoint that
 * streams.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import { HaifError } from '#shared/errors.ts'
import { END, startBridge, type Bridge, type Infer } from '../bridge.ts'
import { readStream } from './openai-mesh.ts'

type Fields = Record<string, unknown>

const ENDPOINTS: [path: string, body: Fields][] = [
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
  ['/v1/completions', { prompt: 'hi' }],
  ['/v1/responses', { input: 'hi' }]
]
const isError = Compile(OpenAiErrorBody)

const ask = ({ url }: Bridge, path: string, body: Fields, stream: boolean) =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', ...body, stream })
  })

const parsed = (data: string) => JSON.parse(data) as Fields

test('an error after the first token is the last event, and nothing says [DONE]', async (t) => {
  const fails: Infer = async function* () {
    yield { seq: 0, tokenIds: [0], text: 'one' }
    throw new HaifError('WORKER_LOST', 'the worker went away')
  }
  const bridge = await startBridge(t, { gateways: [fails] })
  const error = { message: 'the worker went away', param: null, code: 'worker_lost' }
  for (const [path, body] of ENDPOINTS) {
    const response = await ask(bridge, path, body, true)
    assert.equal(response.status, 200)
    const { events } = readStream(await response.text())
    assert.ok(events.every(({ data }) => data !== '[DONE]'))
    const last = events.at(-1)!
    if (path !== '/v1/responses') {
      assert.deepEqual(last, {
        event: null,
        data: JSON.stringify({
          error: {
            message: error.message,
            type: 'server_error',
            param: error.param,
            code: error.code
          }
        })
      })
      continue
    }
    const told = events.at(-2)!
    assert.equal(told.event, 'error')
    const { sequence_number: number, ...fields } = parsed(told.data)
    assert.deepEqual(fields, { type: 'error', ...error })
    const failed = parsed(last.data) as { type: string; sequence_number: number; response: Fields }
    assert.deepEqual([failed.type, failed.sequence_number], ['response.failed', Number(number) + 1])
    assert.deepEqual(failed.response['error'], { code: 'server_error', message: error.message })
  }
})

/** What a silence is filled with: some clients of the older APIs fail at a comment. */
const ALIVE: Record<string, string> = {
  '/v1/chat/completions': '"delta":{},"logprobs":null,"finish_reason":null',
  '/v1/completions': '"text":"","logprobs":null,"finish_reason":null',
  '/v1/responses': ': keep-alive'
}

test('a silence is filled, before the first token and between two', async (t) => {
  let seen: () => number = () => 0
  let wake: () => void = () => {}
  const untilSeen = async (count: number) => {
    while (seen() < count) await new Promise<void>((resolve) => (wake = resolve))
  }
  const slow: Infer = async function* () {
    await untilSeen(2)
    yield { seq: 0, tokenIds: [0], text: 'at' }
    await untilSeen(seen() + 2)
    yield { seq: 1, tokenIds: [1], text: ' last' }
    return END
  }
  const bridge = await startBridge(t, { keepAliveMs: 20, gateways: [slow] })
  for (const [path, body] of ENDPOINTS) {
    let text = ''
    const alive = ALIVE[path]!
    seen = () => text.split(alive).length - 1
    const response = await ask(bridge, path, body, true)
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece
      wake()
    }
    const { events, comments } = readStream(text)
    const [before, between] = /^(.+?)at"(.+?) last"/s.exec(text)?.slice(1) ?? []
    assert.ok(before!.includes(alive) && between!.includes(alive), text)
    if (path !== '/v1/responses') assert.deepEqual(comments, [])
    const end = events.at(-1)!
    assert.ok(end.data === '[DONE]' || end.event === 'response.completed', end.data)
  }
})

test('what fails after a comment, though before the first token, is an event too', async (t) => {
  let refuse: () => void = () => {}
  const refuses: Infer = async function* () {
    await new Promise<void>((resolve) => (refuse = resolve))
    yield* []
    throw new HaifError('NO_ELIGIBLE_WORKER', 'every worker is busy')
  }
  const bridge = await startBridge(t, { keepAliveMs: 20, gateways: [refuses] })
  for (const [path, body] of ENDPOINTS) {
    const response = await ask(bridge, path, body, true)
    let text = ''
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece
      refuse()
    }
    const { events } = readStream(text)
    const told = events.find(({ data }) => data.includes('every worker is busy'))!
    assert.match(told.data, /"no_eligible_worker"/)
    assert.ok(!text.includes('[DONE]'))
  }
})

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'whole'
  test(`errors before the first token have OpenAI's shape and say when to come back (${how})`, async (t) => {
    const cases: [HaifError | TypeError, number, string, string, string | null][] = [
      [
        new HaifError('UNAUTHENTICATED', 'no token'),
        401,
        'authentication_error',
        'invalid_api_key',
        null
      ],
      [new HaifError('FORBIDDEN', 'not yours'), 403, 'permission_error', 'forbidden', null],
      [
        new HaifError('RATE_LIMITED', 'too many', { retryAfterMs: 2100 }),
        429,
        'rate_limit_error',
        'rate_limit_exceeded',
        '3'
      ],
      [new HaifError('NO_ELIGIBLE_WORKER', 'none'), 503, 'server_error', 'no_eligible_worker', '1'],
      [
        new HaifError('WORKER_OVERLOADED', 'full', { retryAfterMs: 5000 }),
        503,
        'server_error',
        'worker_overloaded',
        '5'
      ],
      [new TypeError('secret detail'), 500, 'server_error', 'server_error', null]
    ]
    let next: Error = new Error('unset')
    const fails: Infer = async function* () {
      yield* []
      throw next
    }
    const bridge = await startBridge(t, { gateways: [fails] })
    for (const [error, status, type, code, retryAfter] of cases) {
      next = error
      for (const [path, body] of ENDPOINTS) {
        const response = await ask(bridge, path, body, stream)
        const text = await response.text()
        const reply: unknown = JSON.parse(text)
        assert.ok(isError.Check(reply), text)
        assert.deepEqual(
          [
            response.status,
            reply.error.type,
            reply.error.code,
            response.headers.get('retry-after')
          ],
          [status, type, code, retryAfter],
          path
        )
        assert.ok(response.headers.get('x-request-id'))
        assert.ok(!text.includes('secret'))
      }
    }
  })
}
