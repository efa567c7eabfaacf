import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { until } from '../../../helpers/until.ts'
import { END, openStream, parseEvents, readText, says, startBridge, type Infer } from '../bridge.ts'

interface Problem {
  error: { code: string; message: string; request_id: string; details?: object }
}
const problemOf = async (response: Response) => (await response.json()) as Problem

const failsAfter = (items: number, error: Error): Infer =>
  async function* () {
    for (let seq = 0; seq < items; seq++) yield { seq, tokenIds: [seq], text: `${seq} ` }
    throw error
  }

for (const stream of [false, true]) {
  const how = stream ? 'with events' : 'with JSON'
  test(`an error before the first token is an ordinary HTTP error (${how})`, async (t) => {
    const error = new HaifError('WORKER_OVERLOADED', 'all slots\nare taken', {
      retryAfterMs: 2100,
      details: { slots: 4 }
    })
    const bridge = await startBridge(t, { gateways: [failsAfter(0, error)] })
    const response = await bridge.post({ prompt: 'hi', stream }, { 'x-request-id': 'r1' })
    assert.equal(response.status, 503)
    assert.equal(response.headers.get('retry-after'), '3')
    assert.equal(response.headers.get('x-request-id'), 'r1')
    assert.deepEqual(await problemOf(response), {
      error: {
        code: 'WORKER_OVERLOADED',
        message: 'all slots are taken',
        request_id: 'r1',
        details: { slots: 4 }
      }
    })
  })
}

test('codes keep their status; limits say when to come back; bugs say nothing of themselves', async (t) => {
  const cases: [Error, number, string | null][] = [
    [new HaifError('MODEL_NOT_FOUND', 'no worker holds x'), 404, null],
    [new HaifError('CONTEXT_TOO_LONG', 'too long'), 413, null],
    [new HaifError('RATE_LIMITED', 'too many', { retryAfterMs: 10 }), 429, '1'],
    [new HaifError('NO_ELIGIBLE_WORKER', 'no worker'), 503, '1'],
    [new HaifError('WORKER_LOST', 'gone'), 502, null],
    [new TypeError('secret detail'), 500, null]
  ]
  let next: Error = new Error('unset')
  const bridge = await startBridge(t, {
    gateways: [(request, context) => failsAfter(0, next)(request, context)]
  })
  for (const [error, status, retryAfter] of cases) {
    next = error
    const response = await bridge.post({ prompt: 'hi' })
    assert.equal(response.status, status)
    assert.equal(response.headers.get('retry-after'), retryAfter)
    assert.ok(!(await response.text()).includes('secret'))
  }
})

test('an error after the first token is an error event, never a silent end', async (t) => {
  const lost = new HaifError('WORKER_LOST', 'the worker went away')
  const bridge = await startBridge(t, { gateways: [failsAfter(2, lost)] })
  const response = await bridge.post({ prompt: 'hi', stream: true })
  assert.equal(response.status, 200)
  const requestId = response.headers.get('x-request-id')
  const events = parseEvents(await response.text())
  assert.deepEqual(
    events.map(({ event }) => event),
    ['token', 'token', 'error']
  )
  assert.deepEqual(events.at(-1)?.data, {
    error: { code: 'WORKER_LOST', message: 'the worker went away', request_id: requestId }
  })
})

test('a gateway that dies mid-stream: another one continues after what has come', async (t) => {
  const dies: Infer = async function* (_request, { signal }) {
    yield { seq: 0, tokenIds: [7], text: 'one', digest: 'd' }
    await aborted(signal)
    return END
  }
  const continues: Infer = async function* ({ sent }) {
    yield { seq: 1, tokenIds: [8], text: ` after ${JSON.stringify(sent)}` }
    return END
  }
  const turn: Infer = (request, context) =>
    request.sent === undefined ? dies(request, context) : continues(request, context)
  const bridge = await startBridge(t, { gateways: [turn, turn] })
  const { response } = await openStream(bridge)
  const text = readText(response)
  await until(() => bridge.requests.length === 1)
  const serving = bridge.gateways.find((gateway) => gateway.links().some((l) => l.openStreams > 0))
  await serving!.stop()
  const events = parseEvents(await text)
  assert.equal(events.at(-1)?.event, 'done')
  const sent = { tokenIds: [7], text: 'one', digest: 'd' }
  assert.deepEqual(
    events.slice(0, -1).map(({ data }) => (data as { text: string }).text),
    ['one', ` after ${JSON.stringify(sent)}`]
  )
})

test('the only gateway dies mid-stream: the stream ends with PEER_LOST', async (t) => {
  const bridge = await startBridge(t, {
    returnMs: 500,
    gateways: [
      async function* (_request, { signal }) {
        yield { seq: 0, tokenIds: [0], text: 'one' }
        await aborted(signal)
        return END
      }
    ]
  })
  const { response } = await openStream(bridge)
  const text = readText(response)
  await bridge.gateways[0]!.stop()
  const last = parseEvents(await text).at(-1)
  assert.equal(last?.event, 'error')
  assert.match(JSON.stringify(last?.data), /"PEER_LOST"/)
})

test('several gateways are all used, and one that is lost before its first token is replaced', async (t) => {
  const asked = [0, 0]
  const silent: Infer = async function* (_request, { signal }) {
    asked[0]!++
    await aborted(signal)
    yield* []
    return END
  }
  const speaks: Infer = async function* (request, context) {
    asked[1]!++
    return yield* says('from the other')(request, context)
  }
  const bridge = await startBridge(t, { gateways: [silent, speaks] })
  const replies = [1, 2, 3, 4].map(async () => bridge.post({ prompt: 'hi' }))
  await until(() => asked[0]! > 0 && asked[1]! > 0)
  bridge.gateways[0]!.links('bridge')[0]!.close('test')
  await bridge.gateways[0]!.stop()
  for (const reply of await Promise.all(replies)) {
    assert.equal(reply.status, 200)
    assert.equal(((await reply.json()) as { output: string }).output, 'from the other')
  }
  assert.equal((await bridge.post({ prompt: 'hi' })).status, 200)
})

test('without a gateway a request gets 503 with a sentence', async (t) => {
  const bridge = await startBridge(t, { gateways: [] })
  const response = await bridge.post({ prompt: 'hi', stream: true })
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '1')
  const { error } = await problemOf(response)
  assert.equal(error.code, 'NO_PEER')
  assert.equal(error.message, 'no gateway can be reached')
})

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
