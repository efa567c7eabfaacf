/** What tests of the chat page do and look for. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { screenshot } from '../../helpers/browser/browser.ts'
import { until } from '../../helpers/until.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const facts = (page: Page) => page.getByRole('list', { name: 'How it was answered' })

export async function ask(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

/** Waits until so many words of an answer that is still being written can be seen. */
export async function wordsOf(page: Page, words: number): Promise<void> {
  const writing = page.locator('.answer[aria-busy=true] .markdown')
  await until(async () => {
    if ((await writing.count()) === 0) return false
    return (await writing.innerText()).split(' ').length >= words
  })
}

export async function settings(page: Page, values: Record<string, string>): Promise<void> {
  await page.getByRole('button', { name: 'System prompt and settings' }).click()
  for (const [label, value] of Object.entries(values)) {
    await page.getByLabel(label).fill(value)
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('Escape')
}

interface AxeResults {
  violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
}

/** Asks axe about the page in both colour schemes, and takes screenshots of that name. */
export async function noViolation(page: Page, name: string): Promise<void> {
  if (!(await page.evaluate<boolean>("'axe' in globalThis"))) await page.evaluate(AXE)
  await page.emulateMedia({ colorScheme: 'light' })
  await noneInScheme(page, `${name}-light`, 'axe.run()')
  await page.emulateMedia({ colorScheme: 'dark' })
  // All but the colours is the same.
  await noneInScheme(
    page,
    `${name}-dark`,
    "axe.run({ runOnly: ['color-contrast', 'link-in-text-block'] })"
  )
}

async function noneInScheme(page: Page, name: string, run: string): Promise<void> {
  await screenshot(page, name)
  const { violations } = await page.evaluate<AxeResults>(run)
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${name}: ${id}: ${nodes.map((node) => node.html).join(' ')}`)
  assert.deepEqual(serious, [])
}
