/**
 * Makes the pictures of README.md and the documents anew, of a mesh of two machines that answers
 * while they are taken: `node tools/pictures/main.ts`, with Chromium installed (CHROMIUM_PATH).
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser } from 'playwright-core'
import { terminalPicture } from './terminal-picture.ts'

const HAIF = fileURLToPath(new URL('../../cli/main.mjs', import.meta.url))
const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const SIZE = { width: 1200, height: 750 }
const START_MS_MAX = 120_000
/** Of the simulated machine beside: it shows what a mesh under load looks like. */
const BUSY = 'sim:qwen3-4b?decode=40&slots=4'
const QUESTIONS = ['What is HAIF?', 'What happens when a worker dies?']

const home = mkdtempSync(join(tmpdir(), 'haif-pictures-'))
const running: ChildProcess[] = []
try {
  const up = await start('up', ['up', '--port', '0'], /^ready (http:\S+)$/m)
  const invite = JSON.parse(haif('up', ['invite', '--name', 'office-gpu', '--json'])) as {
    topicKey: string
  }
  await start('office', ['join', invite.topicKey, '--model', BUSY], /joined/)
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage']
  })
  const stop = keepBusy(up)
  try {
    await chat(browser, up)
    await consolePictures(browser, up)
    const text = haif('up', ['status'])
    writeFileSync(join(IMAGES, 'haif-status.svg'), terminalPicture('$ haif status', text))
  } finally {
    await stop()
    await browser.close()
  }
} finally {
  for (const child of running.toReversed()) {
    child.kill()
    await once(child, 'exit')
  }
  rmSync(home, { recursive: true, force: true })
}

function envOf(machine: string): NodeJS.ProcessEnv {
  return { ...process.env, HAIF_HOME: join(home, machine) }
}

/** Resolves with what it has said that fits. */
async function start(machine: string, args: string[], says: RegExp): Promise<string> {
  const child = spawn(process.execPath, [HAIF, ...args], { env: envOf(machine) })
  running.push(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const until = performance.now() + START_MS_MAX
  for (;;) {
    const found = says.exec(said)
    if (found !== null) return found[1] ?? ''
    if (performance.now() > until || child.exitCode !== null) throw new Error(said)
    await sleep(50)
  }
}

function haif(machine: string, args: string[]): string {
  return execFileSync(process.execPath, [HAIF, ...args], {
    env: envOf(machine),
    encoding: 'utf8'
  })
}

/** Asks until it is stopped, some of it for a model that nobody has. */
function keepBusy(url: string): () => Promise<void> {
  const over = new AbortController()
  const callers = Array.from({ length: 3 }, async (_, i) => {
    for (let n = 0; !over.signal.aborted; n++) {
      const model = n % 12 === 11 ? 'llama-4-scout' : 'qwen3-4b'
      const response = await fetch(`${url}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, prompt: `Question ${n} of caller ${i}`, max_tokens: 60 })
      })
      await response.text()
    }
  })
  return async () => {
    over.abort()
    await Promise.all(callers)
  }
}

async function pageAt(browser: Browser, url: string) {
  const context = await browser.newContext({
    viewport: SIZE,
    colorScheme: 'light',
    reducedMotion: 'reduce'
  })
  const page = await context.newPage()
  await page.goto(url)
  return page
}

async function chat(browser: Browser, url: string): Promise<void> {
  const page = await pageAt(browser, url)
  await page.getByRole('button', { name: /^Model: / }).click()
  await page.getByRole('button', { name: /^haif-tiny/ }).click()
  for (const [i, question] of QUESTIONS.entries()) {
    await page.getByLabel('Message', { exact: true }).fill(question)
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByRole('list', { name: 'How it was answered' }).nth(i).waitFor()
  }
  await page.screenshot({ path: join(IMAGES, 'web-chat.png') })
}

async function consolePictures(browser: Browser, url: string): Promise<void> {
  const page = await pageAt(browser, `${url}/console/`)
  await page.getByText('office-gpu').first().waitFor()
  await sleep(20_000) // its curves begin with the page
  await page.screenshot({ path: join(IMAGES, 'console-status.png') })
  await page.goto(`${url}/console/#/requests?status=ok&model=qwen3-4b`)
  await page.getByRole('region', { name: 'Requests' }).getByRole('link').first().click()
  await page.getByRole('heading', { name: 'Where the time went' }).waitFor()
  await page.screenshot({ path: join(IMAGES, 'console-request.png') })
}
