/** Servers that are there and are not quite what was asked for: handled, or named. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Engine } from '../../../../../services/worker/engines/engine.ts'
import { discoverUpstream } from '../../../../../services/worker/models/sources/upstream-source.ts'
import { temporaryHome } from '../../../../helpers/cli.ts'
import { TEST_TIMEOUTS, type Cleanup } from '../../../../helpers/upstreams/start.ts'
import { answer, direct } from '../engine-conformance.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const LIST = JSON.stringify({ data: [{ id: 'tiny' }] })
const HTML = '<!DOCTYPE html><html>Welcome to nginx</html>'

/** Lists one model below `base`, and answers with what it is given. */
async function serve(
  t: Cleanup,
  base: string,
  completion: Answer,
  tls?: { key: Buffer; cert: Buffer }
) {
  const answerTo: Answer = (request, response) => {
    request.resume()
    if (request.url === `${base}/models`) {
      response.setHeader('content-type', 'application/json')
      response.end(LIST)
    } else if (request.url?.endsWith('completions') === true) completion(request, response)
    else response.writeHead(404, { 'content-type': 'text/html' }).end(HTML)
  }
  const server = tls === undefined ? createServer(answerTo) : createSecureServer(tls, answerTo)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    server.close()
  })
  const scheme = tls === undefined ? 'http' : 'https'
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function engineAt(t: Cleanup, url: string, caFile?: string): Promise<Engine> {
  const ca = caFile === undefined ? {} : { caFile }
  const [source] = await discoverUpstream(url, { timeouts: TEST_TIMEOUTS, ...ca })
  const engine = await source!.open(() => {})
  t.after(() => engine.close())
  await engine.load()
  return engine
}

const hello = () => direct('hello', { maxTokens: 12 })
const events = (objects: unknown[], end = 'data: [DONE]\n\n') =>
  objects.map((object) => `data: ${JSON.stringify(object)}\n\n`).join('') + end
const stream =
  (text: string): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text)
  }
const piece = (text: string, more = {}) => ({ choices: [{ text, ...more }] })

suite('an answer', () => {
  test('in one JSON object is taken as the stream that was asked for', async (t) => {
    const long = 'word 🎉 '.repeat(5000)
    const whole = {
      id: 'x',
      choices: [{ text: long, finish_reason: 'length' }],
      usage: { prompt_tokens: 3, completion_tokens: 12 }
    }
    const url = await serve(t, '/v1', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
      response.end(JSON.stringify(whole))
    })
    const { text, finishReason, usage } = await answer(await engineAt(t, url), hello())
    assert.equal(text, long)
    assert.equal(finishReason, 'length')
    assert.deepEqual([usage.promptTokens, usage.completionTokens], [3, 12])
  })

  test('in one JSON object that is an error is that error', async (t) => {
    const url = await serve(t, '/v1', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: 'out of credit' } }))
    })
    const engine = await engineAt(t, url)
    await assert.rejects(answer(engine, hello()), { code: 'ENGINE_FAILED' })
  })

  test('that only [DONE] ends is whole, of a server that never says why it ends', async (t) => {
    let says = events([piece('one '), piece('two')])
    const url = await serve(t, '/v1', (...asked) => stream(says)(...asked))
    const engine = await engineAt(t, url)
    const { text, finishReason } = await answer(engine, hello())
    assert.deepEqual([text, finishReason], ['one two', 'stop'])
    says = events([piece('one '), piece('two', { finish_reason: 'stop' })])
    assert.equal((await answer(engine, hello())).text, 'one two')
    says = events([piece('one ')])
    await assert.rejects(answer(engine, hello()), /broke off: its answer has no end/)
  })

  test('without any end has broken off', async (t) => {
    const url = await serve(t, '/v1', stream(events([piece('one ')], '')))
    await assert.rejects(answer(await engineAt(t, url), hello()), /its answer has no end/)
  })
})

suite('an address', () => {
  const one = stream(events([piece('one', { finish_reason: 'stop' })]))

  test('with or without /v1, or of one endpoint, is put right', async (t) => {
    const withV1 = await serve(t, '/v1', one)
    for (const path of ['', '/', '/v1/', '/v1/chat/completions', '/v1/models']) {
      const engine = await engineAt(t, withV1 + path)
      assert.equal((await answer(engine, hello())).text, 'one', path)
    }
    const prefixed = await serve(t, '/llm/v1', one)
    assert.equal((await answer(await engineAt(t, `${prefixed}/llm`), hello())).text, 'one')
    const without = await serve(t, '/api', one)
    assert.equal((await answer(await engineAt(t, `${without}/api/v1`), hello())).text, 'one')
  })

  test('where no API is says so, and what it must be', async (t) => {
    const wrong = await serve(t, '/v1', one)
    await assert.rejects(
      discoverUpstream(`${wrong}/other/place`),
      /has no such path \(http.*\/other\/place\/models\): give the address that ends in \/v1/
    )
    const page = await serve(t, '/nowhere', one)
    const html: Answer = (_, response) => response.end(HTML)
    const site = await serve(t, '/v1', html)
    await assert.rejects(discoverUpstream(page), /has no such path/)
    assert.ok(site.length > 0)
    const redirecting = createServer((_, response) =>
      response.writeHead(301, { location: 'https://elsewhere.example/v1/models' }).end()
    )
    await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve))
    t.after(() => void redirecting.close())
    await assert.rejects(
      discoverUpstream(`http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`),
      /redirects to https:\/\/elsewhere\.example.*: give the address/
    )
  })

  test('of a page, or behind a proxy that fails, is told without its HTML', async (t) => {
    const page = createServer((_, response) => response.end(HTML))
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve))
    t.after(() => void page.close())
    const url = `http://127.0.0.1:${(page.address() as AddressInfo).port}`
    await assert.rejects(discoverUpstream(url), /answered \/models with a web page/)
    const failing = createServer((_, response) => response.writeHead(502).end(HTML))
    await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve))
    t.after(() => void failing.close())
    const at = `http://127.0.0.1:${(failing.address() as AddressInfo).port}`
    await assert.rejects(discoverUpstream(at), /failed: HTTP 502$/)
  })
})

test('a certificate of its own is refused by name, and taken with --upstream-ca', async (t) => {
  const folder = temporaryHome(t)
  const [keyFile, certFile] = ['key.pem', 'cert.pem'].map((name) => join(folder, name))
  const subject = ['-subj', '/CN=haif', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', keyFile!, '-out', certFile!]
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  execFileSync('openssl', ['req', '-x509', '-nodes', ...ec, ...subject, ...files], {
    stdio: 'ignore'
  })
  const tls = { key: readFileSync(keyFile!), cert: readFileSync(certFile!) }
  const one = stream(events([piece('one', { finish_reason: 'stop' })]))
  const url = await serve(t, '/v1', one, tls)
  await assert.rejects(discoverUpstream(url), /does not trust \(.*\): give its CA.*--upstream-ca/)
  assert.equal((await answer(await engineAt(t, url, certFile), hello())).text, 'one')
  await assert.rejects(
    discoverUpstream(url.replace('127.0.0.1', 'localhost'), { caFile: certFile! }),
    /certificate for other names/
  )
  const plain = await serve(t, '/v1', one)
  await assert.rejects(
    discoverUpstream(plain.replace('http:', 'https:')),
    /does not speak TLS: write http/
  )
  writeFileSync(certFile!, 'no certificate')
  await assert.rejects(discoverUpstream(url, { caFile: certFile! }), /no certificate in PEM form/)
  await assert.rejects(discoverUpstream(url, { caFile: '/none' }), /cannot be read \(ENOENT\)/)
})
