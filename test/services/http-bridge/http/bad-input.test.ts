import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import { pino } from 'pino'
import { KNOWN_TOKEN, startBridge } from '../bridge.ts'

const errorBody = Compile(ErrorBody)
const JSON_TYPE = { 'content-type': 'application/json' }
const MIB = 1024 * 1024

/** The reply is an error in the right shape: one line, no stack, the request id of the header. */
async function assertRefused(response: Response, status: number, code: string, message?: RegExp) {
  const text = await response.text()
  const body: unknown = JSON.parse(text)
  assert.ok(errorBody.Check(body), text)
  assert.equal(response.status, status, text)
  assert.equal(body.error.code, code, text)
  assert.equal(body.error.request_id, response.headers.get('x-request-id'))
  assert.match(body.error.message, /^[^\n]{5,300}$/)
  assert.ok(!text.includes('.ts:') && !text.includes('node_modules'), text)
  if (message !== undefined) assert.match(body.error.message, message)
}

test('a body that does not fit the native contract gets 400 and the field', async (t) => {
  const bridge = await startBridge(t)
  const cases: [unknown, RegExp][] = [
    [{}, /^the body needs one of prompt, input and messages$/],
    [[], /^the body must be a JSON object$/],
    ['text', /^the body must be a JSON object$/],
    [null, /^the body must be a JSON object$/],
    [{ prompt: '' }, /^prompt must not be empty$/],
    [{ prompt: 5 }, /^prompt must be string$/],
    [{ prompt: null }, /^prompt must be string$/],
    [{ prompt: ['hi'] }, /^prompt must be string$/],
    [{ prompt: 'a', input: 'b' }, /prompt and input/],
    [{ prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, /prompt and messages/],
    [{ messages: [] }, /^messages must not be empty$/],
    [{ messages: 'hi' }, /^messages must be array$/],
    [{ messages: [{ role: 'user' }] }, /^messages\.0\.content is missing$/],
    [
      { messages: [{ role: 'robot', content: 'hi' }] },
      /^messages\.0\.role must be "system" or "user" or "assistant"$/
    ],
    [{ mode: 'direct', messages: [{ role: 'user', content: 'hi' }] }, /takes a prompt/],
    [{ prompt: 'hi', mode: 'poetry' }, /^mode must be "direct" or "chat"$/],
    [{ prompt: 'hi', max_tokens: -1 }, /^max_tokens must be >= 1$/],
    [{ prompt: 'hi', max_tokens: 0 }, /^max_tokens must be >= 1$/],
    [{ prompt: 'hi', max_tokens: 1e12 }, /^max_tokens must be <= 1048576$/],
    [{ prompt: 'hi', max_tokens: 1.5 }, /^max_tokens must be integer$/],
    [{ prompt: 'hi', max_tokens: '5' }, /^max_tokens must be integer$/],
    [{ prompt: 'hi', temperature: 3 }, /^temperature must be <= 2$/],
    [{ prompt: 'hi', temperature: 'hot' }, /^temperature must be number$/],
    [{ prompt: 'hi', top_p: -0.1 }, /^top_p must be >= 0$/],
    [{ prompt: 'hi', stop: 5 }, /^stop must be string or array$/],
    [{ prompt: 'hi', stop: [''] }, /^stop\.0 must not be empty$/],
    [{ prompt: 'hi', stop: 5, mode: 5 }, /^(stop|mode) must be/],
    [{ prompt: 'hi', stream: 'yes' }, /^stream must be boolean$/],
    [{ prompt: 'hi', tenant_id: '' }, /^tenant_id must/],
    [{ prompt: 'hi', model: '' }, /^model must/]
  ]
  for (const [body, message] of cases) {
    await assertRefused(await bridge.post(body), 400, 'VALIDATION_FAILED', message)
  }
  assert.equal(bridge.requests.length, 0)
})

test('the field that is wrong is named in details.param', async (t) => {
  const bridge = await startBridge(t)
  const prompt = 'hi'
  const cases: [unknown, Record<string, string>, string][] = [
    [{ messages: [{ role: 'user' }] }, {}, 'messages.0.content'],
    [{ prompt, max_tokens: 0 }, {}, 'max_tokens'],
    [{ prompt, input: 'b' }, {}, 'input'],
    [{ prompt }, { 'x-haif-timeout-ms': 'soon' }, 'x-haif-timeout-ms'],
    [{ prompt }, { 'idempotency-key': 'k'.repeat(300) }, 'idempotency-key']
  ]
  for (const [body, headers, param] of cases) {
    const response = await bridge.post(body, headers)
    const { error } = (await response.json()) as ErrorBody
    assert.equal(error.details?.['param'], param, error.message)
  }
})

test('a body that does not fit the versioned contract gets 422', async (t) => {
  const bridge = await startBridge(t)
  const cases: [unknown, RegExp][] = [
    [{ api_version: 'v2', prompt: 'hi' }, /^api_version must be "v1"$/],
    [{ api_version: 1, prompt: 'hi' }, /^api_version must be/],
    [{ api_version: null, prompt: 'hi' }, /^api_version must be/],
    [{ api_version: 'v1' }, /^prompt is missing$/],
    [{ api_version: 'v1', prompt: '' }, /^prompt must not/],
    [{ api_version: 'v1', prompt: 'hi', stream: true }, /^stream is not a known field$/],
    [{ api_version: 'v1', prompt: 'hi', max_tokens: 0 }, /^max_tokens must be >= 1$/],
    [JSON.parse('{"api_version":"v1","prompt":"hi","__proto__":{}}'), /__proto__ is not a known/],
    [
      {
        api_version: 'v1',
        prompt: 'hi',
        ...Object.fromEntries('abcdefghijkl'.split('').entries())
      },
      /is not a known field$/
    ]
  ]
  for (const [body, message] of cases) {
    await assertRefused(await bridge.post(body), 422, 'VALIDATION_FAILED', message)
  }
})

test('what is not JSON gets a sentence that says what to do', async (t) => {
  const bridge = await startBridge(t)
  const { send, url } = bridge
  const invalid = 'VALIDATION_FAILED'
  await assertRefused(await send('{"prompt":', JSON_TYPE), 400, invalid, /not valid JSON/)
  await assertRefused(await send('hello', JSON_TYPE), 400, invalid, /not valid JSON/)
  await assertRefused(await send('', JSON_TYPE), 400, invalid, /^the body is empty$/)
  const nothing = await fetch(`${url}/infer`, { method: 'POST' })
  await assertRefused(nothing, 400, invalid, /^the body must be a JSON object$/)
  await assertRefused(
    await send(Buffer.from('7b2270726f6d7074223a22fffe227d', 'hex'), JSON_TYPE),
    400,
    invalid,
    /not valid UTF-8/
  )
  for (const depth of [100, 400_000]) {
    const nested = `{"prompt":"hi","x":${'['.repeat(depth)}${']'.repeat(depth)}}`
    await assertRefused(await send(nested, JSON_TYPE), 400, invalid, /nested more than 64 levels/)
  }
  const unsupported = 'UNSUPPORTED_MEDIA_TYPE'
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'nonsense', '']) {
    const response = await send('{"prompt":"hi"}', { 'content-type': type })
    await assertRefused(response, 415, unsupported, /content-type: application\/json/)
  }
  const charset = { 'content-type': 'application/json; charset=utf-8' }
  assert.equal((await send('{"prompt":"hi"}', charset)).status, 200)
})

test('a body over its bound gets 413, whether its length is told before or not', async (t) => {
  const bridge = await startBridge(t)
  const asBlob = (bytes: number) => new Blob([bodyOf(bytes)]).stream()
  assert.equal((await bridge.send(bodyOf(2 * MIB), JSON_TYPE)).status, 200)
  assert.equal((await bridge.send(asBlob(2 * MIB), JSON_TYPE)).status, 200)
  const told = await bridge.send(bodyOf(32 * MIB + 1), JSON_TYPE)
  // it would reset a client that sends on
  assert.notEqual(told.headers.get('connection'), 'close')
  await assertRefused(told, 413, 'BODY_TOO_LARGE', /over 32768 KiB$/)
  const untold = await bridge.send(asBlob(32 * MIB + 1), JSON_TYPE)
  await assertRefused(untold, 413, 'BODY_TOO_LARGE')
  assert.equal((await bridge.send(bodyOf(MIB), JSON_TYPE)).status, 200)
})

test('where strangers may ask, only a token lets in more than 1 MiB', async (t) => {
  const bridge = await startBridge(t, { host: '0.0.0.0', allowAnonymous: true })
  assert.equal((await bridge.send(bodyOf(MIB), JSON_TYPE)).status, 200)
  for (const body of [bodyOf(MIB + 1), new Blob([bodyOf(MIB + 1)]).stream()]) {
    const refused = await bridge.send(body, JSON_TYPE)
    await assertRefused(refused, 413, 'BODY_TOO_LARGE', /over 1024 KiB, .* without a token/)
  }
  const known = { ...JSON_TYPE, authorization: `Bearer ${KNOWN_TOKEN}` }
  assert.equal((await bridge.send(bodyOf(2 * MIB), known)).status, 200)
})

test('a body without a type is JSON, except from a browser', async (t) => {
  const bridge = await startBridge(t)
  const body = new Blob(['{"prompt":"hi"}'], { type: '' })
  const send = (headers: Record<string, string>) =>
    fetch(`${bridge.url}/infer`, { method: 'POST', body, headers })
  assert.equal((await send({})).status, 200)
  for (const headers of [{ origin: bridge.url }, { 'sec-fetch-site': 'cross-site' }]) {
    await assertRefused(await send(headers), 415, 'UNSUPPORTED_MEDIA_TYPE')
  }
})

test('slashes that are doubled or at the end make no other address', async (t) => {
  const { url } = await startBridge(t)
  for (const path of ['/v1/models/', '//v1/models', '/v1//models', '/health/']) {
    assert.equal((await fetch(url + path)).status, 200, path)
  }
  const reply = (await (await fetch(`${url}//v1/nowhere`)).json()) as { error: { type: string } }
  assert.equal(reply.error.type, 'invalid_request_error')
})

test('what does not exist gets 404, and an address that is none gets 400', async (t) => {
  const { url } = await startBridge(t)
  await assertRefused(await fetch(`${url}/nowhere?secret=1`), 404, 'NOT_FOUND', /GET \/nowhere;/)
  await assertRefused(await fetch(`${url}/infer`), 404, 'NOT_FOUND')
  const post = await fetch(`${url}/health`, { method: 'POST', body: 'x' })
  await assertRefused(post, 404, 'NOT_FOUND')
  await assertRefused(await fetch(`${url}/%E0%A4%A`), 400, 'VALIDATION_FAILED', /not a valid URL/)
})

test('what is not HTTP is answered in the same shape', async (t) => {
  const { url } = await startBridge(t)
  const notHttp = await raw(url, 'HELLO\r\n\r\n')
  assert.match(notHttp, /^HTTP\/1\.1 400 /)
  assert.ok(errorBody.Check(JSON.parse(notHttp.split('\r\n\r\n')[1] ?? '')))
  const long = `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`
  assert.match(await raw(url, long), /^HTTP\/1\.1 431 /)
})

test('nothing is logged twice, and prompts never', async (t) => {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) })
  const bridge = await startBridge(t, {
    log,
    gateways: [
      // oxlint-disable-next-line require-yield
      async function* () {
        throw new TypeError('a bug')
      }
    ]
  })
  const about = (requestId: string) => lines.filter((line) => line.includes(requestId))
  await bridge.send('{"prompt":"top secret', { ...JSON_TYPE, 'x-request-id': 'bad-json' })
  await bridge.post({ prompt: ['top secret'] }, { 'x-request-id': 'bad-type' })
  const response = await bridge.post({ prompt: 'top secret' }, { 'x-request-id': 'bug' })
  await assertRefused(response, 500, 'INTERNAL', /^internal error/)
  assert.equal(about('bad-json').length, 1)
  assert.equal(about('bad-type').length, 1)
  assert.equal(about('bug').length, 1)
  assert.match(about('bug')[0]!, /"level":40/)
  assert.match(about('bad-type')[0]!, /"level":20/)
  assert.ok(!lines.join('').includes('top secret'))
})

const bodyOf = (bytes: number) => `{"prompt":"${'x'.repeat(bytes - 13)}"}`

/** Bytes on a socket, and everything that comes back until it is closed. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.write(text)
  let reply = ''
  try {
    for await (const chunk of socket) reply += String(chunk)
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET') // after the reply
  }
  return reply
}
