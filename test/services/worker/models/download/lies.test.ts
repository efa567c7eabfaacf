/**
 * Everything that a hub, a mirror, a proxy or a network between can answer: each ends in the whole
 * file or in a sentence, and never in this process.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { HaifError } from '#shared/errors.ts'
import { downloadModel } from '../../../../../services/worker/models/download/download-model.ts'
import type { DownloadLimits } from '../../../../../services/worker/models/download/messages.ts'
import { parseHubUri, type Hub } from '../../../../../services/worker/models/sources/hub.ts'
import { assertNoForbiddenWords } from '../../../../helpers/forbidden-words.ts'
import { patience } from '../../../../helpers/deadline.ts'
import { startHub, type Asked, type Lie } from './models-hub.ts'

const MIB = 1 << 20
const FILE = 'tiny-Q8_0.gguf'
const HTML = '<!DOCTYPE html><html><body>Welcome to Hotel WiFi</body></html>'
const LIMITS: DownloadLimits = {
  silentMs: patience(300),
  slowMs: 200,
  slowBytes: 5000,
  pauseMs: 1,
  failuresMax: 8,
  waitMsMax: 2000
}

const file = randomBytes(3 * MIB + 5)
file.write('GGUF')
const digest = createHash('sha256').update(file).digest('hex')

async function fetchWith(t: TestContext, lie: Lie, more: Partial<Hub> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'haif-lies-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { hub } = await startHub(t, { files: { [FILE]: file }, tags: { Q8_0: FILE }, lie })
  const uri = parseHubUri('hf:user/tiny-GGUF:Q8_0')
  const task = { uri, hub: { ...hub, ...more }, folder, limits: LIMITS }
  const hooks = { onProgress: () => {}, onFault: () => {} }
  const [downloaded] = await downloadModel(task, hooks, new AbortController().signal)
  return downloaded!
}

async function arrives(t: TestContext, lie: Lie, more: Partial<Hub> = {}): Promise<void> {
  const downloaded = await fetchWith(t, lie, more)
  assert.equal(downloaded.digest, digest)
  assert.ok(readFileSync(downloaded.path).equals(file))
}

async function fails(t: TestContext, lie: Lie, reason: RegExp): Promise<HaifError> {
  const error: unknown = await fetchWith(t, lie).then(
    () => assert.fail('it arrived'),
    (thrown: unknown) => thrown
  )
  assert.ok(error instanceof HaifError, String(error))
  assert.equal(error.code, 'DOWNLOAD_FAILED', error.message)
  assert.match(error.message, reason)
  assert.doesNotMatch(error.message, /\n/)
  assertNoForbiddenWords(error.message)
  return error
}

const about =
  (what: Asked['what'], answer: (asked: Asked) => void): Lie =>
  (asked) => {
    if (asked.what !== what) return false
    answer(asked)
    return true
  }

/** The first so many answers with bytes are lies. */
function first(times: number, answer: (asked: Asked) => void): Lie {
  let left = times
  return (asked) => {
    if (asked.what !== 'bytes' || left-- <= 0) return false
    answer(asked)
    return true
  }
}

const rangeHeaders = ({ file: whole, start }: Asked, end = whole.length) => ({
  'content-range': `bytes ${start}-${end - 1}/${whole.length}`,
  'content-length': end - start
})

/** Bytes on the socket, whatever HTTP says. */
const raw =
  (text: string) =>
  ({ response }: Asked): void => {
    response.socket?.end(text)
  }

const page = ({ response }: Asked) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end(HTML)
const status =
  (code: number, headers = {}) =>
  ({ response }: Asked) =>
    response.writeHead(code, headers).end()
const redirect = (location: string) => status(302, { location })

/** Lies that a download outlives. */
const OUTLIVED: Record<string, Lie> = {
  'goes on to the end of the file': about('bytes', (asked) => {
    asked.response.writeHead(206, rangeHeaders(asked)).end(asked.file.subarray(asked.start))
  }),
  'never ends': about('bytes', (asked) => {
    const { 'content-range': range } = rangeHeaders(asked)
    asked.response.writeHead(206, { 'content-range': range })
    const rest = asked.file.subarray(asked.start)
    const more = () =>
      asked.response.write(
        Buffer.alloc(65_536),
        () => !asked.response.destroyed && setImmediate(more)
      )
    asked.response.write(rest, more)
  }),
  'ends too early': first(3, (asked) => {
    asked.response
      .writeHead(206, rangeHeaders(asked))
      .write(asked.file.subarray(asked.start, asked.start + 1000))
    setTimeout(() => asked.response.destroy(), 5)
  }),
  'chunks as nobody does': first(
    2,
    raw('HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGGUF')
  ),
  'speaks no HTTP': first(2, raw('\u0000\u0001\u0002 hello\r\n\r\n')),
  'has endless headers': first(2, raw(`HTTP/1.1 206 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`)),
  'contradicts itself about the length': first(
    2,
    raw('HTTP/1.1 206 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nGGUFGGUF')
  ),
  'sends another range': first(2, (asked) => {
    const headers = { 'content-range': `bytes 7-99/${file.length}` }
    asked.response.writeHead(206, headers).end(file.subarray(7, 100))
  }),
  'is silent': first(2, () => {}),
  'falls silent': first(2, (asked) => {
    asked.response
      .writeHead(206, rangeHeaders(asked))
      .write(asked.file.subarray(asked.start, asked.start + 99))
  }),
  drips: first(1, (asked) => {
    asked.response.writeHead(206, rangeHeaders(asked))
    let at = asked.start
    const timer = setInterval(() => asked.response.write(asked.file.subarray(at, ++at)), 10)
    asked.response.on('close', () => clearInterval(timer))
  }),
  'is broken for a time': first(3, status(500)),
  'is busy and says for how long': first(1, status(429, { 'retry-after': '1' })),
  'knows no ranges': about('bytes', ({ response }) => {
    response.writeHead(200, { 'content-length': file.length }).end(file)
  }),
  'knows no ranges and no length': about('bytes', ({ response }) => {
    response.writeHead(200)
    response.write(file)
    response.end()
  }),
  'knows no HEAD': about('head', status(405)),
  'lets an address expire': expiring()
}

/** Every second address is no longer good. */
function expiring(): Lie {
  let asked = 0
  return about('bytes', (each) => {
    if (++asked % 2 === 0) return status(403)(each)
    const end = Math.min(each.file.length, each.start + MIB)
    each.response.writeHead(206, rangeHeaders(each, end)).end(each.file.subarray(each.start, end))
  })
}

/** Lies that end it, and what is said then. */
const NAMED: Record<string, [Lie, RegExp]> = {
  'a login in place of the file': [
    about('bytes', page),
    /^(?=.*web page, perhaps of a login).*browser/
  ],
  'a login in place of the manifest': [about('manifest', page), /web page, perhaps of a login/],
  'no model': [about('bytes', ({ response }) => response.end('hello, world')), /no GGUF file/],
  'compressed bytes': [
    about('bytes', (asked) => {
      const bytes = gzipSync(Buffer.alloc(10 * MIB))
      asked.response
        .writeHead(206, {
          ...rangeHeaders(asked),
          'content-encoding': 'gzip',
          'content-length': bytes.length
        })
        .end(bytes)
    }),
    /sends it compressed \(gzip\)/
  ],
  'a circle of redirects': [
    about('resolve', redirect('/user/again')),
    /redirects in a circle|no such file/
  ],
  'a redirect to nowhere': [about('resolve', redirect('')), /redirects to nowhere/],
  'a redirect to a file': [
    about('resolve', redirect('file:///etc/passwd')),
    /redirects to nowhere \("file:/
  ],
  'a redirect to nobody': [
    about('resolve', redirect('http://127.0.0.1:9/x')),
    /127\.0\.0\.1:9 cannot be reached \(.*ECONNREFUSED/
  ],
  'other bytes than asked for': [
    about('bytes', (asked) =>
      asked.response.writeHead(206, { 'content-range': `bytes 7-99/${file.length}` }).end()
    ),
    /other bytes than it was asked for \(bytes 7-99/
  ],
  'a file of another size': [
    about('bytes', (asked) =>
      asked.response.writeHead(206, { 'content-range': `bytes 0-3/4` }).end('GGUF')
    ),
    /other bytes than it was asked for/
  ],
  'no file of that size any more': [
    about('bytes', status(416)),
    /another file there now, of another size/
  ],
  'a file larger than the disk': [
    about('head', status(302, { location: '/x', 'x-linked-size': 10 ** 15 })),
    /it needs 1000000 GB more and .* has room for .*; make room, or set HAIF_HOME/
  ],
  'an endless manifest': [
    about('manifest', ({ response }) => {
      const more = () =>
        response.write(Buffer.alloc(65_536, ' '), () => !response.destroyed && setImmediate(more))
      more()
    }),
    /sends more than was asked for/
  ],
  'a manifest of nothing': [
    about('manifest', ({ response }) => response.end('null')),
    /gave no file for Q8_0/
  ],
  'a manifest that leads out': [
    about('manifest', ({ response }) => response.end('{"ggufFile":{"rfilename":"../../x.gguf"}}')),
    /gave no file for Q8_0/
  ],
  'a proxy that wants a password': [about('bytes', status(407)), /HTTPS_PROXY/],
  'nothing but errors': [
    about('bytes', status(500)),
    /fails \(status 500\); what has arrived is kept/
  ]
}

suite('a server that', () => {
  for (const [name, lie] of Object.entries(OUTLIVED)) test(name, (t) => arrives(t, lie))
  for (const [name, [lie, reason]] of Object.entries(NAMED)) {
    test(`answers with ${name}`, async (t) => void (await fails(t, lie, reason)))
  }
})

test('a server that asks to wait for long is asked again then, not before', async (t) => {
  const error = await fails(t, about('bytes', status(429, { 'retry-after': '3600' })), /is busy/)
  assert.equal(error.retryAfterMs, 3_600_000)
})

test('a proxy is used, and not for what NO_PROXY names', async (t) => {
  const seen: string[] = []
  const proxy = createServer((request, response) => {
    seen.push(request.url ?? '')
    response.writeHead(502).end()
  })
  proxy.listen(0)
  t.after(() => proxy.close())
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const honest: Lie = () => false
  await assert.rejects(arrives(t, honest, { proxies: { HTTP_PROXY: address } }), /status 502/)
  assert.match(seen[0] ?? '', /^http:\/\/127\.0\.0\.1:\d+\/v2\/user\/tiny-GGUF\/manifests\/Q8_0$/)
  const proxies = { http_proxy: address, no_proxy: '127.0.0.1,localhost' }
  const before = seen.length
  await arrives(t, honest, { proxies })
  assert.equal(seen.length, before)
  const gone = { HTTP_PROXY: 'http://127.0.0.1:9' }
  await assert.rejects(arrives(t, honest, { proxies: gone }), /through the proxy 127\.0\.0\.1:9/)
})
