/** `haif/client` and its twin in Python against a server that refuses, cuts and answers. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { HaifClient, HaifRequestError } from '#shared/client/haif-client.ts'
import { retryAfterMs, waitMs } from '#shared/client/retry-after.ts'
import { atEnd, type Scope } from '../../helpers/peers/peers.ts'

const EXAMPLES = fileURLToPath(new URL('../../../examples/plain-python', import.meta.url))
const run = promisify(execFile)

interface Seen {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: unknown
}
type Answer = (response: ServerResponse, seen: Seen) => void

/** Gives each request the next answer, and the last one to all after it. */
async function serve(t: Scope, ...answers: Answer[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const { method = '', url: path = '', headers } = request
    const body: unknown = text === '' ? null : JSON.parse(text)
    seen.push({ method, path, headers, body })
    answers[Math.min(seen.length, answers.length) - 1]!(response, seen.at(-1)!)
  }
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const json =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body))
const busy = json(
  503,
  { error: { code: 'WORKER_OVERLOADED', message: 'every slot is taken', request_id: 'r' } },
  { 'retry-after': '0', 'x-request-id': 'r' }
)
const event = (name: string, data: object, id = '') =>
  `${id === '' ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
const token = (text: string) => event('token', { text, index: 0 })
const done = event('done', { finish_reason: 'stop', usage: { completion_tokens: 3 } })

/** Sends so much, and then cuts the connection unless the stream is whole. */
const stream =
  (text: string, isWhole = true): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(text, () => (isWhole ? response.end() : response.destroy()))
  }

async function textOf(parts: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const part of parts) text += part
  return text
}

test('a request that was refused for now is sent again, under the same key', async (t) => {
  const { url, seen } = await serve(t, busy, busy, json(200, { output: 'hi' }))
  const client = new HaifClient({ url: `${url}/`, token: 'haif_x' })
  assert.equal((await client.infer({ prompt: 'a' })).output, 'hi')
  assert.equal(seen.length, 3)
  assert.equal(seen[0]!.headers.authorization, 'Bearer haif_x')
  const keys = seen.map(({ headers }) => headers['idempotency-key'])
  assert.ok(keys[0] !== undefined && keys.every((key) => key === keys[0]))
})

test('an error is what the server says, at once where waiting does not help', async (t) => {
  const body = { error: { code: 'MODEL_NOT_FOUND', message: 'no worker holds x', request_id: 'r' } }
  const { url, seen } = await serve(t, json(404, body, { 'x-request-id': 'r' }))
  await assert.rejects(new HaifClient({ url }).infer({ prompt: 'a' }), (error) => {
    assert.ok(error instanceof HaifRequestError)
    const { status, code, message, requestId } = error
    assert.deepEqual(
      [status, code, message, requestId],
      [404, 'MODEL_NOT_FOUND', 'no worker holds x', 'r']
    )
    return true
  })
  assert.equal(seen.length, 1)
  const flat = await serve(t, json(409, { error: 'used before', code: 'CONFLICT' }))
  await assert.rejects(new HaifClient({ url: flat.url }).submitJob({}), {
    code: 'CONFLICT',
    message: 'used before'
  })
  const full = await serve(t, busy)
  await assert.rejects(new HaifClient({ url: full.url, retries: 1 }).infer({ prompt: 'a' }), {
    status: 503,
    retryAfterMs: 0
  })
  assert.equal(full.seen.length, 2)
})

test('a stream that was cut goes on where it was, and nothing comes twice', async (t) => {
  const first = stream(token('HAIF ') + token('is one'), false)
  const { url, seen } = await serve(t, first, stream(token('HAIF is one cloud.') + done))
  assert.equal(await textOf(new HaifClient({ url }).stream({ prompt: 'a' })), 'HAIF is one cloud.')
  assert.deepEqual(seen[1]!.body, { prompt: 'a', stream: true })
  assert.equal(seen[0]!.headers['idempotency-key'], seen[1]!.headers['idempotency-key'])

  const failing = event('error', { error: { code: 'WORKER_LOST', message: 'it went away' } })
  const lost = await serve(t, stream(token('a') + failing))
  await assert.rejects(textOf(new HaifClient({ url: lost.url }).stream({ prompt: 'a' })), {
    code: 'WORKER_LOST'
  })
  const dead = await serve(t, stream('', false))
  const client = new HaifClient({ url: dead.url, retries: 0 })
  await assert.rejects(textOf(client.stream({ prompt: 'a' })), TypeError)
})

test('a job is submitted and followed to its end, behind the last event that was seen', async (t) => {
  const { url, seen } = await serve(
    t,
    json(202, { job_id: 'job-1' }),
    stream(event('job.snapshot', {}) + event('task.update', { task_id: 'a' }, '7'), false),
    stream(event('task.update', { task_id: 'b' }, '8') + event('job.completed', {}, '9')),
    json(200, { job_id: 'job-1', status: 'Completed', result: { text: 'x' } })
  )
  const client = new HaifClient({ url })
  const id = await client.submitJob({ input: 'a' }, { idempotencyKey: 'mine' })
  const events: string[] = []
  for await (const one of client.watchJob(id)) events.push(one.event)
  assert.deepEqual(events, ['job.snapshot', 'task.update', 'task.update', 'job.completed'])
  assert.equal((await client.job(id)).status, 'Completed')
  assert.equal(seen[0]!.headers['idempotency-key'], 'mine')
  assert.equal(seen[1]!.headers['last-event-id'], undefined)
  assert.equal(seen[2]!.headers['last-event-id'], '7')
})

test('a caller that gives up is not kept waiting', async (t) => {
  const late = json(503, {}, { 'retry-after': '60' })
  const { url } = await serve(t, late)
  const giveUp = new AbortController()
  const asking = new HaifClient({ url }).infer({ prompt: 'a' }, { signal: giveUp.signal })
  giveUp.abort(new Error('enough'))
  await assert.rejects(asking, /enough/)
})

test('usage is read with its query', async (t) => {
  const { url, seen } = await serve(t, json(200, { rows: [] }))
  assert.deepEqual(await new HaifClient({ url }).usage({ group_by: 'day' }), { rows: [] })
  assert.deepEqual([seen[0]!.method, seen[0]!.path], ['GET', '/v1/usage?group_by=day'])
})

test('Retry-After is seconds or a date; without it each wait is twice the last', () => {
  const now = Date.UTC(2026, 0, 1)
  assert.equal(retryAfterMs('2', now), 2000)
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:05 GMT', now), 5000)
  for (const none of [null, '', 'soon']) assert.equal(retryAfterMs(none, now), null)
  assert.deepEqual(
    [0, 1, 2, 9].map((tries) => waitMs(tries, null)),
    [500, 1000, 2000, 8000]
  )
  assert.deepEqual([waitMs(9, 0), waitMs(0, 90_000)], [0, 60_000])
})

const PYTHON = `
import json, sys
from haif_client import Haif, HaifError
haif = Haif(sys.argv[1], token="haif_x")
print("".join(haif.stream(prompt="a")))
job = haif.submit_job({"input": "a"}, key="mine")
print(" ".join(event for event, _ in haif.watch_job(job)))
print(haif.job(job)["status"])
try:
    haif.infer(prompt="a")
except HaifError as error:
    print(error.status, error.code, error.request_id)
`
const noPython = spawnSync('python3', ['--version']).error !== undefined

test('the client in Python does the same', { skip: noPython && 'no python3' }, async (t) => {
  const missing = { error: { code: 'MODEL_NOT_FOUND', message: 'no worker holds x' } }
  const { url, seen } = await serve(
    t,
    busy,
    stream(token('HAIF ') + token('is one'), false),
    stream(token('HAIF is one cloud.') + done),
    json(202, { job_id: 'job-1' }),
    stream(event('task.update', {}, '7'), false),
    stream(event('job.completed', {}, '9')),
    json(200, { job_id: 'job-1', status: 'Completed' }),
    json(404, missing, { 'x-request-id': 'r' })
  )
  const env = { ...process.env, PYTHONPATH: EXAMPLES, PYTHONDONTWRITEBYTECODE: '1' }
  const { stdout } = await run('python3', ['-c', PYTHON, url], { env })
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'HAIF is one cloud.',
    'task.update job.completed',
    'Completed',
    '404 MODEL_NOT_FOUND r'
  ])
  const keys = seen.map(({ headers }) => headers['idempotency-key'])
  assert.ok(keys[0] !== undefined && keys[0] === keys[1] && keys[1] === keys[2])
  assert.deepEqual([keys[3], seen[5]!.headers['last-event-id']], ['mine', '7'])
  assert.equal(seen[0]!.headers.authorization, 'Bearer haif_x')
})
