import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readBridgeConfig } from '../../../../services/http-bridge/config.ts'
import { KNOWN_TOKEN, startBridge } from '../bridge.ts'

const PAGE = 'https://chat.example.org'
const corsOrigins = [PAGE, 'app://']
const { url, requests, contexts } = await startBridge({ after }, { corsOrigins })
const ask = (origin: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/infer`, {
    method: 'POST',
    body: '{"prompt":"hi"}',
    headers: { 'content-type': 'application/json', origin, ...headers }
  })
const preflight = (origin: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', ...headers }
  })
const token = { authorization: `Bearer ${KNOWN_TOKEN}` }

test('a page that was named asks with a token, and reads the headers that matter', async () => {
  const reply = await ask(PAGE, token)
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('access-control-allow-origin'), PAGE)
  assert.equal(reply.headers.get('vary'), 'origin')
  assert.match(
    reply.headers.get('access-control-expose-headers') ?? '',
    /x-request-id, retry-after/
  )
  assert.equal(reply.headers.get('access-control-allow-credentials'), null)
  assert.deepEqual(contexts.at(-1)?.presented, { token: KNOWN_TOKEN, fromBeyond: true })
})

test('without a token it gets nothing, also where nobody else needs one', async () => {
  const before = requests.length
  const reply = await ask(PAGE)
  assert.equal(reply.status, 401)
  assert.equal(reply.headers.get('access-control-allow-origin'), PAGE, 'it may read why')
  assert.equal(requests.length, before)
  assert.equal((await ask(new URL(url).origin)).status, 200)
})

test('a preflight is answered for pages that were named', async () => {
  const headers = { 'access-control-request-headers': 'authorization,content-type' }
  const reply = await preflight(PAGE, headers)
  assert.equal(reply.status, 204)
  assert.equal(reply.headers.get('access-control-allow-origin'), PAGE)
  assert.equal(reply.headers.get('access-control-allow-methods'), 'POST')
  assert.equal(reply.headers.get('access-control-allow-headers'), 'authorization,content-type')
  assert.equal(reply.headers.get('access-control-allow-private-network'), null)
  const home = await preflight(PAGE, { 'access-control-request-private-network': 'true' })
  assert.equal(home.headers.get('access-control-allow-private-network'), 'true')
})

test('other pages get neither an answer nor a permission', async () => {
  const others = ['https://chat.example.org.evil.example', 'http://chat.example.org', 'null']
  for (const origin of [...others, 'http://localhost:5173']) {
    for (const reply of [await ask(origin, token), await preflight(origin)]) {
      assert.equal(reply.status, 403, origin)
      assert.equal(reply.headers.get('access-control-allow-origin'), null)
    }
  }
})

test('programs are named by their scheme', async () => {
  const reply = await ask('app://obsidian.md', token)
  assert.equal(reply.headers.get('access-control-allow-origin'), 'app://obsidian.md')
  assert.equal((await ask('app://obsidian.md')).status, 401)
  const other = await ask('vscode-webview://x')
  assert.equal(other.headers.get('access-control-allow-origin'), null)
})

test('nobody is named unless the operator does', async (t) => {
  const plain = await startBridge(t)
  const reply = await fetch(`${plain.url}/v1/models`, { headers: { origin: PAGE } })
  assert.equal(reply.status, 403)
  assert.equal(reply.headers.get('access-control-allow-origin'), null)
})

test('CORS_ORIGINS takes origins and schemes of programs, and nothing that opens it to all', () => {
  const read = (value: string) => readBridgeConfig({ CORS_ORIGINS: value }).corsOrigins
  assert.deepEqual(read(''), [])
  assert.deepEqual(read('https://Chat.example.org/, http://localhost:5173 app://'), [
    'https://chat.example.org',
    'http://localhost:5173',
    'app://'
  ])
  for (const bad of [
    '*',
    'https://',
    'http://',
    'https://*.example.org',
    'example.org',
    'https://a/b'
  ]) {
    assert.throws(() => read(bad), { code: 'CONFIG_INVALID', message: /CORS_ORIGINS/ }, bad)
  }
})
