/** Asks axe whether everybody can use a page. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { screenshot } from './browser.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResults {
  violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
}

/** Asks axe about the page in both colour schemes, and takes screenshots of that name. */
export async function noViolation(page: Page, name: string): Promise<void> {
  await noViolationInLight(page, `${name}-light`)
  await page.emulateMedia({ colorScheme: 'dark' })
  // All but the colours is the same.
  await noneInScheme(
    page,
    `${name}-dark`,
    "axe.run({ runOnly: ['color-contrast', 'link-in-text-block'] })"
  )
}

/** The same in one scheme, where others of the same colours are asked about in both. */
export async function noViolationInLight(page: Page, name: string): Promise<void> {
  if (!(await page.evaluate<boolean>("'axe' in globalThis"))) await page.evaluate(AXE)
  await page.emulateMedia({ colorScheme: 'light' })
  await noneInScheme(page, name, 'axe.run()')
}

async function noneInScheme(page: Page, name: string, run: string): Promise<void> {
  await screenshot(page, name)
  const { violations } = await page.evaluate<AxeResults>(run)
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${name}: ${id}: ${nodes.map((node) => node.html).join(' ')}`)
  assert.deepEqual(serious, [])
}
