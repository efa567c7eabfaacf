/**
 * The console in a real browser, as an operator meets it: `haif up` and the machines that join it,
 * all of them under load. The screenshots in test/output show every screen as it was then.
 */
import assert from 'node:assert/strict'
import { after, before, suite, test, type TestContext } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { buildPages } from '../../../cli/setup/build-page.mjs'
import { noViolation, noViolationInLight } from '../../helpers/browser/axe.ts'
import {
  DESKTOP,
  launch,
  openPage,
  PHONE,
  screenshot,
  whyNoBrowser
} from '../../helpers/browser/browser.ts'
import { startHaif } from '../../helpers/cli.ts'
import { until } from '../../helpers/until.ts'
import { LONG, SIM, startConsoleMesh, type ConsoleMesh } from './console-mesh.ts'

/** The browser itself writes each refusal into its console. */
const refusals = { allowedErrors: /\b(401|403)\b/ }

suite('the console', { skip: whyNoBrowser() }, () => {
  let browser: Browser
  before(async () => {
    assert.ok(buildPages(), 'the pages can be built')
    browser = await launch()
  })
  after(() => browser.close())

  test('an operator of three machines under load sees everything, and does what is to do', async (t) => {
    const mesh = await startConsoleMesh(t)
    const page = await openPage(t, browser, `${mesh.url}/console`, DESKTOP)
    assert.equal(new URL(page.url()).pathname, '/console/')
    await page.getByRole('heading', { name: 'Everything is running.' }).waitFor()
    await addMachine(t, page)
    await drainAndResume(page)
    await loadModel(page, mesh)
    await findFailure(page, mesh)
    await changeLimit(page)
    await callFunction(page)
    for (const screen of SCREENS) await look(page, screen, 'desktop')

    await page.close() // the first token ends what anybody could do at this machine
    const operator = await makeToken(mesh, 'operator', 'infer', 'jobs', 'functions')
    mesh.show(operator)
    const phone = await openPage(t, browser, `${mesh.url}/console/`, { ...PHONE, ...refusals })
    await signIn(phone, await makeToken(mesh, 'infer'))
    await phone
      .getByRole('alert')
      .getByText(/needs the scope operator/)
      .waitFor()
    await signIn(phone, operator)
    await phone.getByRole('heading', { name: 'Everything is running.' }).waitFor()
    for (const screen of SCREENS) await look(phone, screen, 'phone')
    await phone.evaluate(() => (location.hash = '#/usage'))
    await phone.getByText(/^[1-9].* of 2M a day/).waitFor() // what callers with tokens have used
    await phone.getByRole('button', { name: 'More' }).click()
    await phone.getByRole('navigation', { name: 'Screens' }).getByText('Usage').waitFor()
    await noViolation(phone, 'console-phone-more')
  })
})

/** By a line to paste, as if on another machine. */
async function addMachine(t: TestContext, page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Add a machine' }).first().click()
  const line = await page.getByText(/^haif join haif_/).innerText()
  await page.getByText('Waiting for it').waitFor()
  await noViolation(page, 'console-add-machine')
  startHaif(t, [...line.split(' ').slice(1), ...SIM], LONG)
  await page.getByText('has joined.').waitFor()
  await page.getByRole('dialog').getByRole('link', { name: 'Look at it' }).click()
}

async function drainAndResume(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Drain' }).click()
  await page.locator('.lead').getByText('paused').waitFor()
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.locator('.lead').getByText('ready').waitFor()
  await page.getByRole('region', { name: 'Last requests' }).getByText('ok').first().waitFor()
  await noViolation(page, 'console-machine')
}

/** Fetched by the machine that is told to; how far it is can be seen on the way. */
async function loadModel(page: Page, mesh: ConsoleMesh): Promise<void> {
  await page.getByRole('link', { name: 'Machines', exact: true }).click()
  await page.getByRole('link', { name: /^office-gpu/ }).click()
  await page.getByRole('button', { name: 'Load a model' }).click()
  await page.getByRole('combobox', { name: 'Model' }).fill('hf:user/tiny-GGUF:Q8_0')
  await page.getByText(/^haif models load hf:user.* --on office-gpu$/).waitFor()
  await page.getByRole('button', { name: 'Load it' }).click()
  const models = page.getByRole('region', { name: 'Models of this machine' })
  await models.getByText(/^1 of 1\.2 MB/).waitFor()
  await screenshot(page, 'console-loading')
  mesh.sendRest()
  await models.getByRole('row', { name: /tiny/ }).getByText('ready').waitFor()
}

async function findFailure(page: Page, { post }: ConsoleMesh): Promise<void> {
  const failed = await post('/infer', { prompt: 'a '.repeat(30_000), max_tokens: 1 })
  assert.equal(failed.status, 413)
  await failed.text()
  const requestId = failed.headers.get('x-request-id')!
  await page.keyboard.type('gr') // keys open screens
  await page.getByLabel('Request id').fill(requestId)
  const found = page.getByRole('region', { name: 'Requests' })
  await found.getByText('CONTEXT_TOO_LONG').waitFor()
  await found.getByRole('link').first().click()
  await page.locator('.lead').getByText(requestId).waitFor()
  await page.locator('.failure').getByText(/8192/).waitFor()
  await noViolation(page, 'console-request')
}

async function changeLimit(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Access' }).click()
  await page.getByRole('button', { name: 'Limits of local', exact: true }).click()
  await page.getByLabel('Tokens a day').fill('2M')
  await page.getByText('tokens/day: no limit → 2M').waitFor()
  await page.getByRole('button', { name: 'Change', exact: true }).click()
  await page.getByText('The limits of local hold from now on.').waitFor()
}

async function callFunction(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Functions' }).click()
  await page.getByRole('link', { name: /^daily_total/ }).click()
  await page.getByLabel('date').fill('2026-06-08')
  await page.getByLabel('days').fill('two')
  await page.getByRole('button', { name: 'Run it' }).click()
  await page.getByText('It has to be a number.').waitFor()
  await page.getByLabel('days').fill('2')
  await page.getByText('haif fn call local/main/daily_total date=2026-06-08 days=2').waitFor()
  await noViolation(page, 'console-function')
  await page.getByRole('button', { name: 'Run it' }).click()
  await page.getByRole('region', { name: 'Result' }).getByText('22').waitFor()
  await page.getByText('adding up 2 days until 2026-06-08').waitFor()
  await page.getByRole('button', { name: 'prices.csv' }).waitFor()
  await noViolation(page, 'console-run')
}

/** Each screen, and something that only this mesh can have put there. */
const SCREENS = [
  ['status', /of \d+ at a time/],
  ['machines', 'office-gpu'],
  ['models', /tiny/],
  ['requests', 'office-gpu'],
  ['queue', /^[1-9]\d* requests? waiting, \d running\.$/],
  ['jobs', /completed/],
  ['functions', 'daily_total'],
  ['runs', 'daily_total'],
  ['usage', /of 2M a day/],
  ['access', /of 2M/],
  ['audit', 'tenant.set'],
  ['settings', 'local']
] as const

async function look(
  page: Page,
  [name, text]: (typeof SCREENS)[number],
  width: 'desktop' | 'phone'
): Promise<void> {
  await page.evaluate((hash) => (location.hash = hash), `#/${name}`)
  await page.locator('.main').getByText(text).first().waitFor()
  await until(async () => (await page.locator('.loading').count()) === 0)
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - window.innerWidth
  )
  assert.equal(overflow, 0, name)
  const picture = `console-${width}-${name}`
  if (width === 'phone') await screenshot(page, picture)
  else await noViolationInLight(page, picture)
}

async function makeToken({ post }: ConsoleMesh, ...scopes: string[]): Promise<string> {
  const made = await post('/v1/admin/tokens', { tenant: 'local', scopes })
  return ((await made.json()) as { secret: string }).secret
}

async function signIn(page: Page, token: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Access token' })
  await dialog.getByLabel('Token', { exact: true }).fill(token)
  await dialog.getByRole('button', { name: 'Use token' }).click()
}
