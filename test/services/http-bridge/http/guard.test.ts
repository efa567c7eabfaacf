/** What the bridge refuses before it reads anything: pages of others, and bodies of strangers. */
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { test } from 'node:test'
import { hostCheck } from '../../../../services/http-bridge/http/host-check.ts'
import { BodyBytes } from '../../../../services/http-bridge/http/body-bytes.ts'
import { Readable } from 'node:stream'
import { KNOWN_TOKEN, startBridge } from '../bridge.ts'

interface Asked {
  method?: string
  path?: string
  body?: string
}

/** By node:http, which lets a test choose its Host. */
function ask(url: string, headers: http.OutgoingHttpHeaders, asked: Asked = {}): Promise<number> {
  const { method = 'GET', path = '/v1/models', body } = asked
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const request = http.request(new URL(path, url), { method, headers }, (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  request.once('error', reject)
  request.end(body)
  return promise
}

const INFER = { method: 'POST', path: '/infer', body: '{"prompt":"hi"}' }
const JSON_TYPE = { 'content-type': 'application/json' }

test('F12: a page whose name is rebound to this machine gets nothing', async (t) => {
  const { url, requests } = await startBridge(t, { allowedHosts: ['haif.example.com'] })
  const evil = { host: 'evil.example', origin: 'http://evil.example' }
  assert.equal(await ask(url, { ...evil, ...JSON_TYPE }, INFER), 403)
  for (const path of ['/v1/models', '/v1/usage', '/metrics', '/', '/healthz', '/nowhere']) {
    assert.equal(await ask(url, evil, { path }), 403, path)
    assert.equal(await ask(url, { host: '127.0.0.1.nip.io' }, { path }), 403, path)
  }
  assert.equal(requests.length, 0)
  const { host } = new URL(url)
  const cross = { host, origin: 'http://evil.example' }
  assert.equal(await ask(url, { ...cross, ...JSON_TYPE }, INFER), 403)
  assert.equal(await ask(url, { host, origin: 'null' }), 403)
  assert.equal(await ask(url, { host, origin: `http://${host}` }), 200)
  assert.equal(await ask(url, { host: 'localhost:1234' }), 200)
  const proxied = { host: 'haif.example.com', origin: 'https://haif.example.com' }
  assert.equal(await ask(url, proxied), 200)
})

test('programs have other origins than pages', () => {
  const check = hostCheck({ allowedHosts: [], isExposed: false })
  for (const origin of ['app://obsidian.md', 'vscode-webview://x', 'chrome-extension://abc']) {
    check({ host: 'localhost:8080', origin })
  }
  assert.throws(() => check({ host: 'localhost', origin: 'evil' }), {
    code: 'FORBIDDEN',
    message:
      'Origin is "evil", which is not a name of this machine; if it is yours, add it to HAIF_ALLOWED_HOSTS or CORS_ORIGINS'
  })
})

test('F16: from beyond this machine no body is read of who shows no token', async (t) => {
  const { url, requests } = await startBridge(t, { host: '0.0.0.0' })
  const { port } = new URL(url)
  const socket = net.connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  const head = ['POST /infer HTTP/1.1', 'Host: any.example', 'content-type: application/json']
  socket.write([...head, 'content-length: 1040000', '', 'x'.repeat(1000)].join('\r\n'))
  const [reply] = await new Promise<Buffer[]>((resolve) => {
    socket.once('data', (data: Buffer) => resolve([data]))
  })
  assert.match(String(reply), /^HTTP\/1.1 401 /) // while the rest of the body has not come
  const malformed = { ...JSON_TYPE, authorization: 'Bearer ' }
  assert.equal(await ask(url, malformed, INFER), 401)
  assert.equal(requests.length, 0)
  const known = { ...JSON_TYPE, authorization: `Bearer ${KNOWN_TOKEN}` }
  assert.equal(await ask(url, known, INFER), 200)
})

test('F16: more than a little is read only of who is known', async () => {
  const bytes = new BodyBytes()
  const body = (size: number) => Readable.from([Buffer.alloc(size)])
  let asked = 0
  const whoSends = async () => {
    asked++
    return false
  }
  assert.equal((await bytes.read(body(1000), undefined, whoSends)).length, 1000)
  assert.equal(asked, 0)
  assert.equal((await bytes.read(body(100_000), undefined, whoSends)).length, 100_000)
  assert.equal(asked, 1)
  await assert.rejects(bytes.read(body(2_000_000), 2_000_000, whoSends), { code: 'BODY_TOO_LARGE' })
  const unknown = () => Promise.reject(Object.assign(new Error('no'), { code: 'UNAUTHENTICATED' }))
  await assert.rejects(bytes.read(body(100_000), 100_000, unknown), { code: 'UNAUTHENTICATED' })
})

test('F16: all bodies of strangers together are bounded, and give their room back', async () => {
  const bytes = new BodyBytes()
  const whoSends = async () => true
  const endless = () => new Readable({ read() {} })
  const bodies = Array.from({ length: 600 }, endless)
  const reading = bodies.map((body) =>
    bytes.read(body, undefined, whoSends).catch((e) => e as Error)
  )
  for (const body of bodies) body.push(Buffer.alloc(60_000))
  const first = await Promise.race(reading)
  assert.match(String(first), /too many bodies are being read/)
  for (const body of bodies) body.push(null)
  await Promise.all(reading)
  const again = Readable.from([Buffer.alloc(60_000)])
  assert.equal((await bytes.read(again, undefined, whoSends)).length, 60_000)
})
