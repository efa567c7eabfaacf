/** A real browser for tests: the Chromium of the system, headless. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import type { TestContext } from 'node:test'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { atEnd } from '../peers/peers.ts'
import { patience } from '../deadline.ts'
import { ELSEWHERE_HOST } from '../mesh/bridge.ts'

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const ELSEWHERE = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']
const OUTPUT = join(import.meta.dirname, '../../output')

/** What a page does on a click, or to be found, takes less. */
const ACTION_MS_MAX = 30_000

export const DESKTOP = { viewport: { width: 1280, height: 800 } }
export const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true
}

/** `CHROMIUM_PATH`, or what the system has. */
export function findBrowser(): string | null {
  const { CHROMIUM_PATH: given, PATH = '' } = process.env
  if (given !== undefined) return given
  const found = COMMANDS.flatMap((name) =>
    PATH.split(delimiter).map((folder) => join(folder, name))
  )
  return [...found, ...ELSEWHERE].find((path) => isExecutable(path)) ?? null
}

/** Debian has a package, and root may install it; elsewhere a person has to. */
export function installBrowser(): void {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  console.log('haif: installing Chromium for the browser tests …')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-liberation']
  for (const args of [['update'], install]) spawnSync('apt-get', args, { stdio: 'ignore', env })
}

/**
 * Why browser tests do not run here, as the `skip` of a suite. In CI that would hide a broken page,
 * so there it is a failure unless HAIF_NO_BROWSER=1 says that it is meant.
 */
export function whyNoBrowser(): string | false {
  const { CI, HAIF_NO_BROWSER } = process.env
  if (HAIF_NO_BROWSER === '1') return 'HAIF_NO_BROWSER=1'
  if (findBrowser() !== null) return false
  const reason = 'no Chromium was found: install one, or set CHROMIUM_PATH'
  if (CI === 'true') throw new Error(`${reason}; or HAIF_NO_BROWSER=1 to go without these tests`)
  return reason
}

export async function launch(): Promise<Browser> {
  const args = [
    '--no-sandbox', // for root, and in containers
    '--disable-dev-shm-usage',
    `--host-resolver-rules=MAP ${ELSEWHERE_HOST} 127.0.0.1`
  ]
  return chromium.launch({ executablePath: findBrowser()!, args, timeout: patience(ACTION_MS_MAX) })
}

/** A fresh window; the test fails if the page logs an error or asks another origin for anything. */
export async function openPage(
  t: TestContext,
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { allowedErrors?: RegExp } = {}
): Promise<Page> {
  const { allowedErrors, ...contextOptions } = options
  const context = await browser.newContext({ reducedMotion: 'reduce', ...contextOptions })
  context.setDefaultTimeout(patience(ACTION_MS_MAX))
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) faults.push(`asked ${request.url()}`)
  })
  atEnd(t, () => context.close())
  t.after(() =>
    assert.deepEqual(
      faults.filter((fault) => allowedErrors?.test(fault) !== true),
      []
    )
  )
  await page.goto(url)
  return page
}

/** Into test/output/, which git ignores. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(OUTPUT, { recursive: true })
  await page.screenshot({ path: join(OUTPUT, `${name}.png`) })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // not there, or not for us
  }
}
