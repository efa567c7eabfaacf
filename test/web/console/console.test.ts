/** The console in a real browser, on one mesh under load. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { buildPages } from '../../../cli/setup/build-page.mjs'
import {
  DESKTOP,
  launch,
  openPage,
  PHONE,
  screenshot,
  whyNoBrowser
} from '../../helpers/browser/browser.ts'
import { noViolation } from '../../helpers/browser/axe.ts'
import { startHaif } from '../../helpers/cli.ts'
import { startGuardedMesh } from '../../helpers/mesh/guarded-mesh.ts'
import { Shared } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'

/** The browser itself writes each refusal into the console. */
const refusals = { allowedErrors: /\b(401|403|404)\b/ }

suite('the console', { skip: whyNoBrowser() }, () => {
  let browser: Browser
  before(async () => {
    assert.ok(buildPages(), 'the pages can be built')
    browser = await launch()
  })
  after(async () => {
    await browser.close()
    await shared.end()
  })

  test('on a desktop: sign in, see what runs, find why a request failed, change a limit', async (t) => {
    const { guarded, operator } = await start()
    const url = `${guarded.bridge.url}/console`
    const page = await openPage(t, browser, url, { ...DESKTOP, ...refusals })
    assert.equal(new URL(page.url()).pathname, '/console/')
    await signIn(page, await guarded.token('acme'))
    await dialog(page)
      .getByRole('alert')
      .getByText(/needs the scope operator/)
      .waitFor()
    await signIn(page, operator)
    await page.getByRole('heading', { name: STANDS }).waitFor()
    await page.getByRole('region', { name: 'Machines' }).getByText('sim').first().waitFor()
    await noViolation(page, 'console-status')

    await guarded.ask('POST /infer', operator, { prompt: 'hi', max_tokens: 3 })
    const failed = await guarded.ask('POST /infer', operator, { prompt: 'hi', model: 'nowhere' })
    const requestId = failed.headers.get('x-request-id')!
    await page.keyboard.type('gr') // keys open screens
    await page.getByRole('heading', { name: 'Requests' }).waitFor()
    await page.getByLabel('Request id').fill(requestId)
    await page.getByText('MODEL_NOT_FOUND').first().waitFor()
    await page.getByRole('region', { name: 'Requests' }).getByRole('link').first().click()
    await page.getByRole('heading', { name: 'Request', exact: true }).waitFor()
    await page
      .locator('.failure')
      .getByText(/nowhere/)
      .waitFor()
    await noViolation(page, 'console-request')

    await page.getByRole('link', { name: 'Access' }).click()
    await page.getByRole('button', { name: 'Limits of acme', exact: true }).click()
    await page.getByLabel('Requests a minute').fill('5k')
    await page.getByText('requests/min: no limit → 5k').waitFor()
    await page.getByRole('button', { name: 'Change', exact: true }).click()
    await page.getByText('The limits of acme hold from now on.').waitFor()
    await page.getByText(/5k/).first().waitFor()
    await noViolation(page, 'console-access')
  })

  test('on a phone: every screen is there, none is wider than the screen', async (t) => {
    const { guarded, operator } = await start()
    const page = await openPage(t, browser, `${guarded.bridge.url}/console/`, {
      ...PHONE,
      ...refusals
    })
    await signIn(page, operator)
    await page.getByRole('heading', { name: STANDS }).waitFor()
    for (const screen of SCREENS) {
      await page.evaluate((name) => (location.hash = `#/${name.toLowerCase()}`), screen)
      if (screen !== 'Status') await page.getByRole('heading', { name: screen }).first().waitFor()
      await until(async () => (await page.locator('.loading').count()) === 0)
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth
      )
      assert.equal(overflow, 0, screen)
      await screenshot(page, `console-phone-${screen.toLowerCase()}`)
    }
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('navigation', { name: 'Screens' }).getByText('Usage').waitFor()
    await noViolation(page, 'console-phone-more')
  })

  test('haif up prints its address, it is open at the machine, and a machine joins by its line', async (t) => {
    const up = startHaif(t, ['up', '--port', '0', '--model', 'sim?decode=1000'])
    await up.says('ready http://')
    const url = /^ {2}(http:\S+\/console)$/m.exec(up.output.stdout)![1]!
    const page = await openPage(t, browser, url, DESKTOP)
    await page.getByRole('button', { name: 'Add a machine' }).first().click()
    const line = await page.getByText(/^haif join haif_/).innerText()
    await page.getByText('Waiting for it').waitFor()
    await noViolation(page, 'console-add-machine')
    startHaif(t, [...line.split(' ').slice(1), '--model', 'sim?decode=1000'])
    await page.getByText('has joined.').waitFor()
    await page.getByRole('link', { name: 'Look at it' }).click()
    await page.getByRole('button', { name: 'Drain' }).click()
    await page.locator('.lead').getByText('paused').waitFor()
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.locator('.lead').getByText('ready').waitFor()
    await noViolation(page, 'console-machine')
  })
})

const SCREENS = [
  'Status',
  'Machines',
  'Models',
  'Requests',
  'Queue',
  'Jobs',
  'Usage',
  'Access',
  'Audit',
  'Settings'
] as const

/** The front page's sentence; what a test's mesh lacks may need somebody. */
const STANDS = /^Everything is running\.|things? needs? you\.$/

const shared = new Shared()
const start = shared.once(async (scope) => {
  const guarded = await startGuardedMesh(scope)
  return { guarded, operator: await guarded.token('acme', 'operator') }
})

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Access token' })

async function signIn(page: Page, token: string): Promise<void> {
  await dialog(page).getByLabel('Token', { exact: true }).fill(token)
  await dialog(page).getByRole('button', { name: 'Use token' }).click()
}
