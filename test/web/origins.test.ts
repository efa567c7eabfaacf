/**
 * Pages of other origins in a real browser: one whose origin the operator has named chats, and no
 * other page gets anything, whether it asks openly, sends a form, or has its name resolved to us.
 *
 * And the page of the API, which needs no more of a bridge.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, suite, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { buildPages } from '../../cli/setup/build-page.mjs'
import { noViolation } from '../helpers/browser/axe.ts'
import { DESKTOP, launch, openPage, PHONE, whyNoBrowser } from '../helpers/browser/browser.ts'
import { patience } from '../helpers/deadline.ts'
import { ELSEWHERE_HOST } from '../helpers/mesh/bridge.ts'
import { atEnd, Shared, type Scope } from '../helpers/peers/peers.ts'
import { KNOWN_TOKEN, startBridge } from '../services/http-bridge/bridge.ts'

const EMPTY = '<!doctype html><title>a page</title><link rel="icon" href="data:,">'
const chat = { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }
const json = { 'content-type': 'application/json' }
const token = { ...json, authorization: `Bearer ${KNOWN_TOKEN}` }

suite('pages of other origins', { skip: whyNoBrowser() }, () => {
  const shared = new Shared()
  const start = shared.once(async (scope) => {
    const [named, other] = [await servePage(scope), await servePage(scope)]
    const bridge = await startBridge(scope, { corsOrigins: [named] })
    return { named, other, ...bridge }
  })
  let browser: Browser
  before(async () => {
    assert.ok(buildPages(), 'the pages can be built')
    browser = await launch()
  })
  after(async () => {
    await browser.close()
    await shared.end()
  })

  test('a page that was named chats with a token, and reads the stream and its headers', async () => {
    const { named, url, requests } = await start()
    const page = await pageAt(browser, named)
    const before = requests.length
    const reply = await ask(page, `${url}/v1/chat/completions`, { headers: token, body: chat })
    assert.equal(reply.status, 200)
    assert.match(reply.text ?? '', /Hello.*world.*\[DONE\]/s)
    assert.ok(reply.requestId)
    assert.equal(requests.length, before + 1)
    for (const path of ['/v1/messages', '/api/chat']) {
      const body = { ...chat, max_tokens: 5 }
      const other = await ask(page, url + path, { headers: token, body })
      assert.equal(other.status, 200, path)
      assert.match(other.text ?? '', /Hello/)
    }
  })

  test('the page of the API shows every address, and what a search is for', async (t) => {
    const { url } = await start()
    for (const [name, size] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      const page = await openPage(t, browser, `${url}/docs`, size)
      await page.getByText('/v1/chat/completions').waitFor()
      assert.equal(new URL(page.url()).pathname, '/docs/')
      const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
        paths: Record<string, object>
      }
      const told = Object.entries(paths).flatMap(([path, item]) =>
        Object.keys(item).map((method) => `${method.toUpperCase()}${path}`)
      )
      const shown = await page.locator('details.operation > summary').allInnerTexts()
      const missing = told.filter((each) => {
        const found = (text: string) => text.replaceAll(/\s/g, '').startsWith(each)
        return !shown.some(found)
      })
      assert.deepEqual(missing, [])
      await page.getByLabel('Search the API').fill('jobs submit')
      await page.getByText('/v1/jobs', { exact: true }).click()
      await page.getByRole('region', { name: 'Body' }).getByText('priority').first().waitFor()
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.equal(wider, 0)
      await noViolation(page, `docs-${name}`)
    }
  })

  test('it needs a token, although nobody else does here', async () => {
    const { named, url, requests } = await start()
    const page = await pageAt(browser, named)
    const before = requests.length
    const reply = await ask(page, `${url}/v1/chat/completions`, { headers: json, body: chat })
    assert.equal(reply.status, 401)
    assert.equal(requests.length, before)
  })

  test('a page that was not named gets neither an answer nor a model to work for it', async () => {
    const { other, url, requests } = await start()
    const page = await pageAt(browser, other)
    const before = requests.length
    for (const headers of [token, json]) {
      const reply = await ask(page, `${url}/v1/chat/completions`, { headers, body: chat })
      assert.deepEqual(reply, { status: null })
    }
    assert.deepEqual(await ask(page, `${url}/v1/models`, {}), { status: null })
    assert.equal(requests.length, before)
  })

  test('what a browser sends without asking first reaches no model: CSRF', async () => {
    const { other, url, requests } = await start()
    const page = await pageAt(browser, other)
    const before = requests.length
    for (const path of ['/infer', '/api/chat', '/v1/chat/completions', '/v1/messages']) {
      for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
        const headers = { 'content-type': type }
        const body = { ...chat, prompt: 'hi', max_tokens: 5 }
        const sent = await ask(page, url + path, { headers, body, mode: 'no-cors' })
        assert.deepEqual(sent, { status: 0, text: '', requestId: null }, 'sent, and unreadable')
      }
      await submit(page, url + path)
    }
    assert.equal(requests.length, before)
  })

  test('a name that was made to mean this machine is not answered: DNS rebinding', async () => {
    const { url, requests } = await start()
    const { port } = new URL(url)
    const origin = `http://${ELSEWHERE_HOST}:${port}`
    const page = await pageAt(browser, origin) // its own page is refused already, and asks on
    const before = requests.length
    const reply = await ask(page, `${origin}/v1/chat/completions`, { headers: json, body: chat })
    assert.equal(reply.status, 403)
    assert.match(reply.text ?? '', /not a name of this machine/)
    assert.equal((await ask(page, `${origin}/v1/models`, {})).status, 403)
    assert.equal(requests.length, before)
  })
})

/** Serves an empty page; returns its origin. */
async function servePage(t: Scope): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(EMPTY)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function pageAt(browser: Browser, origin: string): Promise<Page> {
  const page = await browser.newPage()
  page.setDefaultTimeout(patience(30_000))
  await page.goto(`${origin}/`)
  return page
}

interface Ask {
  headers?: Record<string, string>
  body?: object
  mode?: RequestMode
}

/** What a page's own script gets; a status of null where the browser shows it nothing. */
const ask = (page: Page, url: string, { body, ...init }: Ask) =>
  page.evaluate(
    async ({ target, options }) => {
      try {
        const response = await fetch(target, options)
        const { status, headers } = response
        return { status, text: await response.text(), requestId: headers.get('x-request-id') }
      } catch {
        return { status: null }
      }
    },
    {
      target: url,
      options: {
        ...init,
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
      }
    }
  )

/** Sends a form of the page, as a click would. */
async function submit(page: Page, url: string): Promise<void> {
  const replied = page.waitForResponse((response) => response.url() === url)
  await page.evaluate((target) => {
    const form = document.createElement('form')
    Object.assign(form, { method: 'post', action: target, enctype: 'text/plain', target: 'hidden' })
    const field = document.createElement('input')
    Object.assign(field, { name: '{"prompt":"hi","x":"', value: '"}' })
    const frame = document.createElement('iframe')
    frame.name = 'hidden'
    form.append(field)
    document.body.append(frame, form)
    form.submit()
  }, url)
  assert.ok((await replied).status() >= 400)
}
