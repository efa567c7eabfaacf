/** What tests of the chat page do and look for. */
import type { Page } from 'playwright-core'
import { until } from '../../helpers/until.ts'

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
