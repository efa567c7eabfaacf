/** The chat page where the mesh asks for a token: in a real browser, with real tokens. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import process from 'node:process'
import { after, before, suite, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { buildPages } from '../../../cli/setup/build-page.mjs'
import {
  DESKTOP,
  launch,
  openPage,
  PHONE,
  screenshot,
  whyNoBrowser
} from '../../helpers/browser/browser.ts'
import { ELSEWHERE_HOST } from '../../helpers/mesh/bridge.ts'
import { startGuardedMesh, type GuardedMesh } from '../../helpers/mesh/guarded-mesh.ts'
import { atEnd, Shared } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { noViolation } from '../../helpers/browser/axe.ts'
import { ask, facts } from './page.ts'

const SERVE = fileURLToPath(new URL('../../../examples/web-chat/serve.ts', import.meta.url))
const WRONG = `haif_user_${'0'.repeat(16)}_${'x'.repeat(43)}`
const WELCOME = 'What would you like to know?'
/** The browser itself writes each 401 into the console. */
const refusals = { allowedErrors: /\b401\b/ }

suite('the chat page and tokens', { skip: whyNoBrowser() }, () => {
  let browser: Browser
  before(async () => {
    assert.ok(buildPages(), 'the pages can be built')
    browser = await launch()
  })
  after(async () => {
    await browser.close()
    await shared.end()
  })

  test('with keys alone: wrong token, right token, and the message that waited is answered', async (t) => {
    const { guarded, url } = await start()
    const secret = await guarded.token('acme')
    const page = await openPage(t, browser, url, { ...DESKTOP, ...refusals })
    const sent = requestsOf(page)
    await field(page).waitFor() // unasked, when the page is opened
    await page.keyboard.press('Escape')
    await field(page).waitFor({ state: 'detached' })
    assert.ok(await isFocused(page, 'Message'))
    await page.keyboard.type('with a token')
    assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'with a token')
    await page.keyboard.press('Enter')
    await until(() => isFocused(page, 'Token'))
    await page.keyboard.type(WRONG)
    await page.keyboard.press('Enter')
    await dialog(page).getByRole('alert').getByText('The mesh refuses this token').waitFor()
    assert.equal(await field(page).getAttribute('aria-invalid'), 'true')
    assert.deepEqual(await kept(page), { tab: null, device: null })

    await page.keyboard.type(secret) // in the place of the wrong one, which is selected
    await page.keyboard.press('Enter')
    await facts(page).waitFor()
    await dialog(page).waitFor({ state: 'hidden' })
    assert.equal(await page.getByRole('group', { name: /^answer/ }).count(), 0)
    assert.equal(await page.locator('.bubble').count(), 1)
    await page.getByRole('button', { name: /^Model: (sim|vectors)/ }).waitFor()
    assert.deepEqual(await kept(page), { tab: secret, device: null })

    await ask(page, 'and another')
    await until(async () => (await facts(page).count()) === 2)
    const last = sent.findLast(({ path }) => path === '/infer')!
    assert.equal(last.authorization, `Bearer ${secret}`)
    for (const { path } of sent) assert.ok(!path.includes('haif_'), path)
    assert.ok(!(await page.content()).includes(secret))
    const logged = guarded.logged.join('\n')
    assert.ok(logged.includes('UNAUTHENTICATED'))
    assert.ok(!logged.includes(secret.slice(-20)) && !logged.includes(WRONG))
  })

  test('a token lasts as long as the tab, and over a reload; it can be forgotten', async (t) => {
    const { guarded, url } = await start()
    const page = await openPage(t, browser, url, { ...DESKTOP, ...refusals })
    await give(page, await guarded.token('acme'))
    await page.reload()
    await models(page).waitFor()
    assert.equal(await dialog(page).isVisible(), false)

    const other = await newTab(page.context(), url)
    await field(other).waitFor()

    const another = await guarded.token('other')
    await page.getByRole('button', { name: 'Access token' }).click()
    await dialog(page).getByRole('button', { name: 'Use another' }).click()
    await fill(page, another)
    await dialog(page).waitFor({ state: 'hidden' })
    assert.deepEqual(await kept(page), { tab: another, device: null })

    await page.getByRole('button', { name: 'Access token' }).click()
    await dialog(page).getByText(another.split('_')[2]!).waitFor() // its id, as `haif token ls` has it
    await dialog(page).getByText('It is forgotten when this tab is closed.').waitFor()
    await dialog(page).getByRole('button', { name: 'Forget the token' }).click()
    await page.getByText('This mesh answers only with an access token.').waitFor()
    assert.equal(await models(page).count(), 0, 'what needed the token is no longer shown')
    assert.deepEqual(await kept(page), { tab: null, device: null })
    await page.reload()
    await field(page).waitFor()
  })

  test('a token that is remembered is there in other tabs, and forgotten in all of them', async (t) => {
    const { guarded, url } = await start()
    const page = await openPage(t, browser, url, { ...DESKTOP, ...refusals })
    const waiting = await newTab(page.context(), url)
    await field(waiting).waitFor()
    await waiting.keyboard.press('Escape')
    const secret = await guarded.token('acme')
    await give(page, secret, true)
    assert.deepEqual(await kept(page), { tab: null, device: secret })
    await models(waiting).waitFor() // though it was there before
    const later = await newTab(page.context(), url)
    await models(later).waitFor()

    await later.getByRole('button', { name: 'Access token' }).click()
    await dialog(later)
      .getByText(/remembered on this device/)
      .waitFor()
    await dialog(later).getByRole('button', { name: 'Forget the token' }).click()
    for (const tab of [page, waiting, later]) {
      await tab.getByText('This mesh answers only with an access token.').waitFor()
      assert.deepEqual(await kept(tab), { tab: null, device: null })
    }
  })

  test('a token that is revoked is replaced, and the message sent again', async (t) => {
    const { guarded, url } = await start()
    const { secret, token } = await guarded.make({ tenant: 'acme' })
    const page = await openPage(t, browser, url, { ...DESKTOP, ...refusals })
    await give(page, secret)
    await guarded.access.stored.admin.revokeToken(token.id, { actor: 'test', requestId: 'r' })
    await until(async () => (await guarded.ask('GET /v1/models', secret)).status === 401)
    await ask(page, 'too late')
    await dialog(page)
      .getByText(/refuses this token.+Enter another one/)
      .waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('The access token is no longer accepted.').waitFor()
    const failure = page.locator('.failure')
    await failure.getByText('This mesh answers only those who have an access token.').waitFor()
    await failure.getByRole('button', { name: 'Enter token' }).click()
    await fill(page, await guarded.token('acme'))
    await facts(page).waitFor()
    assert.equal(await failure.count(), 0)
    assert.equal(await page.locator('.token-bar').count(), 0)
  })

  test('what cannot be a token is not sent, and a token may lack the scope', async (t) => {
    const { guarded, url } = await start()
    const options = { ...DESKTOP, allowedErrors: /\b40[13]\b/ }
    const page = await openPage(t, browser, url, options)
    await field(page).waitFor()
    const sent = requestsOf(page)
    const alert = dialog(page).getByRole('alert')
    for (const [text, said] of [
      ['', 'Paste the token first.'],
      [`haif_${'y'.repeat(70)}`, 'This is a topic key'],
      ['two words', 'This is not a token'],
      ['ein Schlüssel', 'This is not a token']
    ] as const) {
      await fill(page, text)
      await alert.getByText(said).waitFor()
    }
    assert.deepEqual(sent, [])
    await fill(page, await guarded.token('acme', 'metrics'))
    await alert.getByText('This needs a token with the scope infer.').waitFor()
    assert.deepEqual(await kept(page), { tab: null, device: null })
    await fill(page, `  ${await guarded.token('acme')}\n`)
    await models(page).waitFor()
  })

  test('over plain HTTP from another machine it says so, and works', async (t) => {
    const { guarded, url } = await start(ELSEWHERE_HOST)
    const allowedErrors = /\b401\b|Cross-Origin-Opener-Policy/ // which only TLS can have
    const page = await openPage(t, browser, url, { ...DESKTOP, allowedErrors })
    await dialog(page).getByText('This connection is not encrypted').waitFor()
    await give(page, await guarded.token('acme'))
    await ask(page, 'from afar')
    await facts(page).waitFor()
  })

  test('served from a place of its own (serve.ts) it asks and passes the token on', async (t) => {
    const { guarded, url } = await start()
    const page = await openPage(t, browser, await serve(t, url), { ...PHONE, ...refusals })
    await dialog(page).waitFor()
    await give(page, await guarded.token('acme'))
    await ask(page, 'through another server')
    await facts(page).waitFor()
  })

  test('axe finds nothing serious', async (t) => {
    const { guarded, url } = await start()
    const secret = await guarded.token('acme')
    for (const [width, options] of [
      ['desktop', DESKTOP],
      ['phone', PHONE]
    ] as const) {
      const name = `${width}-token`
      const page = await openPage(t, browser, url, { ...options, ...refusals })
      await dialog(page).waitFor()
      await noViolation(page, name)
      await fill(page, WRONG)
      await dialog(page).getByText('The mesh refuses this token').waitFor()
      await dialog(page).getByRole('button', { name: 'Show the token' }).click()
      await noViolation(page, `${name}-wrong`)
      await dialog(page).getByRole('button', { name: 'Close' }).click()
      await noViolation(page, `${name}-bar`)
      await page.getByRole('button', { name: 'Enter token' }).click()
      await fill(page, secret)
      await models(page).waitFor()
      await screenshot(page, `${name}-accepted`)
      if (width === 'phone') await page.getByRole('button', { name: 'Conversations' }).click()
      await page.getByRole('button', { name: 'Access token' }).click()
      await dialog(page).getByRole('button', { name: 'Use another' }).waitFor()
      await noViolation(page, `${name}-in-use`)
    }
  })
})

const shared = new Shared()
const guardedMesh = shared.once(startGuardedMesh)

async function start(host = '127.0.0.1'): Promise<{ guarded: GuardedMesh; url: string }> {
  const guarded = await guardedMesh()
  const url = new URL(guarded.bridge.url)
  url.hostname = host
  return { guarded, url: url.origin }
}

async function serve(t: TestContext, bridge: string): Promise<string> {
  const child = spawn(process.execPath, [SERVE, '--bridge', bridge, '--port', '0'])
  atEnd(t, async () => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await until(() => output.includes('chat page at '))
  return /chat page at (\S+),/.exec(output)![1]!
}

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Access token' })
const field = (page: Page) => dialog(page).getByLabel('Token', { exact: true })
const models = (page: Page) => page.getByRole('button', { name: /^Model: (sim|vectors)/ })

async function fill(page: Page, token: string): Promise<void> {
  await field(page).fill(token)
  await dialog(page).getByRole('button', { name: 'Use token' }).click()
}

async function give(page: Page, token: string, remember = false): Promise<void> {
  await page.getByRole('heading', { name: WELCOME }).waitFor({ state: 'attached' })
  if (remember) await dialog(page).getByLabel('Remember on this device').check()
  await fill(page, token)
  await models(page).waitFor()
  await dialog(page).waitFor({ state: 'hidden' })
}

async function newTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

const isFocused = (page: Page, label: string): Promise<boolean> =>
  page
    .getByLabel(label, { exact: true })
    .evaluate((element) => element === element.ownerDocument.activeElement)

const kept = (page: Page): Promise<{ tab: string | null; device: string | null }> =>
  page.evaluate(() => ({
    tab: sessionStorage.getItem('haif.token'),
    device: localStorage.getItem('haif.token')
  }))

interface Sent {
  path: string
  authorization: string | undefined
}

/** What the page asks the mesh from now on. */
function requestsOf(page: Page): Sent[] {
  const sent: Sent[] = []
  page.on('request', (request) => {
    const { pathname, search } = new URL(request.url())
    const { authorization } = request.headers()
    sent.push({ path: pathname + search, authorization })
  })
  return sent
}
