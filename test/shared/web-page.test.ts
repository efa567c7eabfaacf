/** Built pages as browsers get them. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fastify } from 'fastify'
import { serveWebPage } from '#shared/web-page.ts'

function build(t: TestContext, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'haif-page-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), `<title>${name}</title>`)
  writeFileSync(join(folder, 'assets', 'index-1a2b.js'), `'${name}'`)
  writeFileSync(join(folder, 'favicon.svg'), '<svg/>')
  writeFileSync(join(folder, '.sources'), 'a digest')
  return folder
}

test('every file of a page comes under a policy that runs nothing but its own scripts', async (t) => {
  const app = fastify()
  const page = await serveWebPage(app, { folder: build(t, 'chat') })
  app.get('/', async (_request, reply) => page!.send(reply))
  for (const url of ['/', '/assets/index-1a2b.js', '/favicon.svg']) {
    const { statusCode, headers } = await app.inject(url)
    assert.equal(statusCode, 200, url)
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'self';.*require-trusted-types-for 'script'/, url)
    assert.doesNotMatch(policy, /unsafe|\*|data:/, url)
    assert.equal(headers['x-content-type-options'], 'nosniff', url)
    assert.equal(headers['x-frame-options'], 'DENY', url)
  }
})

test('files named by their content are kept for ever, and the others are asked for each time', async (t) => {
  const app = fastify()
  const page = await serveWebPage(app, { folder: build(t, 'chat') })
  app.get('/', async (_request, reply) => page!.send(reply))
  const caching = async (url: string) => (await app.inject(url)).headers['cache-control']
  assert.match(String(await caching('/assets/index-1a2b.js')), /immutable/)
  assert.equal(await caching('/'), 'no-cache')
  assert.equal(await caching('/favicon.svg'), 'no-cache')
})

test('two pages stand beside each other, and neither shows more than its files', async (t) => {
  const app = fastify()
  await serveWebPage(app, { folder: build(t, 'chat') })
  const page = await serveWebPage(app, { folder: build(t, 'console'), path: '/console/' })
  app.get('/console/', async (_request, reply) => page!.send(reply))
  const text = async (url: string) => (await app.inject(url)).body
  assert.equal(await text('/assets/index-1a2b.js'), "'chat'")
  assert.equal(await text('/console/assets/index-1a2b.js'), "'console'")
  assert.equal(await text('/console/'), '<title>console</title>')
  for (const url of ['/.sources', '/assets/..%2F.sources', '/console/assets/..%2Findex.html']) {
    assert.ok((await app.inject(url)).statusCode >= 400, url)
  }
})

test('a page that has not been built adds no address', async (t) => {
  const folder = build(t, 'chat')
  rmSync(join(folder, 'index.html'))
  const app = fastify()
  assert.equal(await serveWebPage(app, { folder }), null)
  assert.equal((await app.inject('/favicon.svg')).statusCode, 404)
})
