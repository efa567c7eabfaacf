/** The chat page in a real browser, against a real bridge and a real mesh. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, suite, test, after } from 'node:test'
import type { Browser } from 'playwright-core'
import { rootEnv } from '../../helpers/peers/mesh-root.ts'
import { buildPages } from '../../../cli/setup/build-page.mjs'
import { addBridge, ELSEWHERE_HOST } from '../../helpers/mesh/bridge.ts'
import {
  DESKTOP,
  launch,
  openPage,
  PHONE,
  screenshot,
  whyNoBrowser
} from '../../helpers/browser/browser.ts'
import { startHaif } from '../../helpers/cli.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { Shared } from '../../helpers/peers/peers.ts'
import { scriptedSource } from '../../helpers/mesh/scripted-engine.ts'
import { noViolation } from '../../helpers/browser/axe.ts'
import { ask, facts, settings, wordsOf } from './page.ts'
import { HOSTILE_ANSWER, SAMPLE_ANSWER } from './sample-answer.ts'

const PACE = { decodeTokensPerSecond: 60, prefillTokensPerSecond: Infinity }

suite('the chat page', { skip: whyNoBrowser() }, () => {
  let browser: Browser
  before(async () => {
    assert.ok(buildPages(), 'the pages can be built')
    browser = await launch()
  })
  after(async () => {
    await browser.close()
    await shared.end()
  })

  for (const [width, options] of [
    ['a desktop', DESKTOP],
    ['a phone', PHONE]
  ] as const) {
    test(`on ${width}: ask, see tokens come, stop, switch models, reload and find it`, async (t) => {
      const page = await openPage(t, browser, await twoModels(), options)
      // The built-in model is nobody's default where there is another.
      await page.getByRole('button', { name: /^Model: other/ }).click()
      await page.getByRole('button', { name: /^haif-tiny/ }).click()
      await page.getByText('haif-tiny is a toy.').waitFor()

      await ask(page, 'What is HAIF?')
      await wordsOf(page, 3)
      await page.getByRole('button', { name: 'Stop the answer' }).click()
      await page.getByText('Stopped here.').waitFor()
      const first = await page.locator('.answer .markdown').innerText()
      assert.ok(first.split(' ').length < 1024, 'it was stopped before its end')
      await page.getByRole('button', { name: 'Continue' }).click()
      await wordsOf(page, first.split(' ').length + 3)
      await page.getByRole('button', { name: 'Stop the answer' }).click()
      await page.getByText('Stopped here.').waitFor()
      const stopped = await page.locator('.answer .markdown').innerText()
      assert.ok(stopped.startsWith(first), 'what was there stays, and the rest comes after it')

      await page.getByRole('button', { name: /^Model: haif-tiny/ }).click()
      const other = page.getByRole('button', { name: /^other/ })
      assert.match(await other.innerText(), /8,192 tokens of context[^]*1 worker holds it/)
      await other.click()
      await page.getByRole('button', { name: 'Answer again' }).click()
      await facts(page).waitFor()
      assert.match(await facts(page).innerText(), FACTS)

      await page.reload()
      await page.locator('.bubble', { hasText: 'What is HAIF?' }).waitFor()
      await page.getByRole('button', { name: 'previous answer' }).click()
      assert.equal(await page.locator('.answer .markdown').innerText(), stopped)
      await page.getByRole('group', { name: 'answer 1 of 2' }).waitFor()
    })
  }

  test('haif up says where the page is', async (t) => {
    const up = startHaif(t, ['up', '--port', '0', '--model', 'sim?decode=1000'])
    await up.says('ready http://')
    const lines = up.output.stdout.trimEnd().split('\n')
    const url = lines[lines.indexOf('or chat in a browser:') + 1]!.trim()
    assert.equal(`ready ${url}`, `${lines.at(-1)}/`)
    const page = await openPage(t, browser, url, DESKTOP)
    await page.getByRole('button', { name: /^Model: sim/ }).waitFor()
  })

  test('a page that came over plain HTTP from another machine works as well', async (t) => {
    const url = new URL(await oneModel())
    url.hostname = ELSEWHERE_HOST
    const allowedErrors = /Cross-Origin-Opener-Policy/ // which only a secure page can have
    const page = await openPage(t, browser, url.origin, { ...DESKTOP, allowedErrors })
    assert.equal(await page.evaluate(() => isSecureContext), false)
    await settings(page, { 'Longest answer': '4' })
    await ask(page, 'from afar')
    await facts(page).waitFor()
  })

  test('a question can be worded anew, a conversation renamed, deleted and brought back', async (t) => {
    const page = await openPage(t, browser, await oneModel(), DESKTOP)
    await settings(page, { 'Longest answer': '4' })
    await ask(page, 'first wording')
    await facts(page).waitFor()
    await page.keyboard.press('ArrowUp')
    await page.getByLabel('The question, worded anew').fill('second wording')
    await page.keyboard.press('Enter')
    await page.getByRole('group', { name: 'question 2 of 2' }).waitFor()
    await page.getByRole('button', { name: 'previous question' }).click()
    await page.locator('.bubble', { hasText: 'first wording' }).waitFor()

    const list = page.getByRole('navigation', { name: 'Conversations' })
    await list.locator('.item').hover()
    await list.getByRole('button', { name: /^Rename/ }).click()
    await page.getByLabel('Name of the conversation').fill('A name')
    await page.keyboard.press('Enter')
    const download = page.waitForEvent('download')
    await list.locator('.item').hover()
    await list.getByRole('button', { name: 'Export A name' }).click()
    const exported = readFileSync(await (await download).path(), 'utf8')
    assert.match(exported, /^# A name\n[^]*## You\n\nfirst wording\n\n## sim\n\nw/)
    await list.getByRole('button', { name: 'Delete A name' }).click()
    await page.getByRole('heading', { name: 'What would you like to know?' }).waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.locator('.bubble', { hasText: 'first wording' }).waitFor()
  })

  test('keys: / writes, Enter sends, Esc stops, ? lists them', async (t) => {
    const page = await openPage(t, browser, await oneModel(), DESKTOP)
    await page.getByRole('heading', { name: 'What would you like to know?' }).click()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.keyboard.type('with keys alone')
    await page.keyboard.press('Enter')
    await wordsOf(page, 2)
    await page.keyboard.press('Escape')
    await page.getByText('Stopped here.').waitFor()
  })

  test('a worker killed in the middle: the answer goes on, and the page says so', async (t) => {
    const mesh = await startMesh(t, { workers: [] })
    const join = ['join', '--model', 'sim?decode=30']
    const doomed = startHaif(t, join, { env: rootEnv(mesh.topicKey) })
    await doomed.says('joined')
    const page = await openPage(t, browser, await addBridge(t, mesh), DESKTOP)
    await settings(page, { 'Longest answer': '60' })
    await ask(page, 'go on')
    await wordsOf(page, 3)
    await mesh.addSimWorker({ ...PACE, decodeTokensPerSecond: 500 })
    doomed.child.kill('SIGKILL')
    await page.getByText('2 attempts: failed over').waitFor()
    assert.equal((await page.locator('.answer .markdown').innerText()).split(' ').length, 60)
  })

  test('while all workers are busy it shows the place in the line', async (t) => {
    const mesh = await startMesh(t, { workers: [{ slots: 1, decodeTokensPerSecond: 20 }] })
    const url = await addBridge(t, mesh)
    const page = await openPage(t, browser, url, DESKTOP)
    const busy = new AbortController()
    const running = fetch(`${url}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ prompt: 'long', max_tokens: 4000 }),
      signal: busy.signal
    })
    await (await running).body!.getReader().read()
    await ask(page, 'in a line')
    await page.getByText(/All workers are busy/).waitFor()
    busy.abort()
    await wordsOf(page, 1)
    await page.keyboard.press('Escape')
  })

  test('an error is a sentence with what to do next', async (t) => {
    const page = await openPage(t, browser, await shortContext(), {
      ...DESKTOP,
      allowedErrors: /413|ERR_/
    })
    await ask(page, 'long '.repeat(100))
    const failure = page.locator('.failure')
    await failure.getByText(/longer than this model can read at once\. Shorten it/).waitFor()
    await failure
      .getByText(/CONTEXT_TOO_LONG · The prompt has \d+ tokens and the context/)
      .waitFor()
    await failure.getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('The question, worded anew').waitFor()
    await page.keyboard.press('Escape')
    await page.context().setOffline(true)
    await page.getByRole('button', { name: 'Answer again' }).click()
    await failure.getByText(/HAIF cannot be reached\. See whether it still runs/).waitFor()
    await page.context().setOffline(false)
    await page.getByRole('button', { name: 'Retry' }).click()
    await failure.getByText('CONTEXT_TOO_LONG').waitFor()
    const branches = page.getByRole('group', { name: /^answer/ })
    assert.equal(await branches.count(), 0, 'what said nothing is no branch')
  })

  test('a chat that fills the context says so, and the question can be asked in a new one', async (t) => {
    const page = await openPage(t, browser, await shortContext(), {
      ...DESKTOP,
      allowedErrors: /413/
    })
    await settings(page, { 'Longest answer': '8' })
    await ask(page, 'first')
    await page.getByText('Cut off at the longest answer that this chat allows.').waitFor()
    await settings(page, { 'Longest answer': '1000' })
    await ask(page, 'second')
    await page.getByText(/^Cut off here: this chat is now as long as the model can read/).waitFor()
    await screenshot(page, 'context-cut-off')
    await ask(page, 'third')
    const failure = page.locator('.failure')
    await failure.getByText(/^This chat has become too long: .+ Ask again in a new chat/).waitFor()
    await screenshot(page, 'context-too-long')
    await failure.getByRole('button', { name: 'Ask in a new chat' }).click()
    await page.getByText('Cut off here: question and answer are all that').waitFor()
    assert.deepEqual(await page.locator('.bubble').allInnerTexts(), ['third'])
  })

  test('what a hostile model writes is harmless and readable', async (t) => {
    const page = await openPage(t, browser, await scripted(), DESKTOP)
    await ask(page, 'be evil')
    await facts(page).waitFor()
    const seen = await page.locator('.answer .markdown').evaluate((answer) => {
      const page = answer.ownerDocument
      return {
        text: answer.textContent,
        dangerous: answer.querySelectorAll(
          'script, iframe, style, form, object, embed, svg, img, input:not([type=checkbox]), [style], .dialog'
        ).length,
        handlers: [...answer.querySelectorAll('*')]
          .flatMap((element) => element.getAttributeNames())
          .filter((name) => name.startsWith('on') || name === 'src'),
        links: [...answer.querySelectorAll('a')].map((link) => link.protocol),
        pwned: (globalThis as { pwned?: string }).pwned,
        width: page.documentElement.scrollWidth - page.defaultView!.innerWidth
      }
    })
    assert.equal(seen.pwned, undefined)
    assert.equal(seen.dangerous, 0)
    assert.deepEqual(seen.handlers, [])
    assert.ok(seen.links.length >= 2, 'the harmless links are links')
    assert.deepEqual([...new Set(seen.links)], ['https:'])
    assert.equal(seen.width, 0, 'long lines do not widen the page')
    for (const readable of ['<script>', '<img src=x onerror=', 'nested fence', 'closed', 'click']) {
      assert.ok(seen.text.includes(readable), readable)
    }
    await screenshot(page, 'hostile')
  })

  test('tables, lists and links are as the Markdown has them', async (t) => {
    const page = await openPage(t, browser, await scripted(), DESKTOP)
    await ask(page, 'show a table')
    await facts(page).waitFor()
    const aligned = await page
      .locator('.markdown :is(th, td)')
      .evaluateAll((cells) => cells.map((cell) => getComputedStyle(cell).textAlign))
    assert.deepEqual(aligned, ['left', 'right', 'center', 'left', 'right', 'center'])
    const link = page.getByRole('link', { name: 'there' })
    assert.equal(await link.getAttribute('target'), '_blank')
    assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow')
    assert.equal(await page.locator('.markdown ol').getAttribute('start'), '3')
    assert.ok(await page.getByRole('checkbox').isChecked())
    await page.getByRole('region', { name: 'Table' }).focus() // it can be scrolled with keys
  })

  test('axe finds nothing serious', async (t) => {
    const url = await scripted()
    const page = await openPage(t, browser, url, DESKTOP)
    await page.getByRole('button', { name: /^Model: qwen3-4b/ }).waitFor()
    await noViolation(page, 'desktop-welcome')
    await page.keyboard.press('Alt+m')
    await page.getByRole('dialog', { name: 'Models' }).waitFor()
    await noViolation(page, 'desktop-models')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Alt+s')
    await noViolation(page, 'desktop-settings')
    await page.keyboard.press('Escape')
    await ask(page, 'Explain how a hash table works, with a short example in Python')
    await facts(page).waitFor()
    await page.locator('.hljs-keyword').first().waitFor()
    await page.locator('.thread').evaluate((thread) => thread.scrollTo(0, 0))
    await noViolation(page, 'desktop-chat')

    const phone = await openPage(t, browser, url, PHONE)
    await ask(phone, 'Explain how a hash table works')
    await facts(phone).waitFor()
    await noViolation(phone, 'phone-chat')
    await phone.getByRole('button', { name: 'Conversations' }).click()
    await noViolation(phone, 'phone-list')
  })
})

/** Meshes that several tests use: each only asks, in a window of its own. */
const shared = new Shared()
const oneModel = shared.once(async (scope) =>
  addBridge(scope, await startMesh(scope, { workers: [PACE] }))
)
const twoModels = shared.once(async (scope) => {
  const mesh = await startMesh(scope, { workers: [{ ...PACE, name: 'haif-tiny' }] })
  await mesh.addSimWorker({ ...PACE, name: 'other', decodeTokensPerSecond: 2000 })
  return addBridge(scope, mesh)
})
const shortContext = shared.once(async (scope) =>
  addBridge(scope, await startMesh(scope, { workers: [{ contextTokens: 64 }] }))
)
/** Two workers say what fits the question. */
const scripted = shared.once(async (scope) => {
  const mesh = await startMesh(scope, { workers: [{ name: 'haif-tiny' }] })
  const says = (prompt: string): string => {
    if (prompt.includes('be evil')) return HOSTILE_ANSWER
    return prompt.includes('a table') && !prompt.includes('hash') ? MARKDOWN : SAMPLE_ANSWER
  }
  for (let i = 0; i < 2; i++) await mesh.addWorker([scriptedSource({ name: 'qwen3-4b', says })])
  return addBridge(scope, mesh)
})

const MARKDOWN = `| name | amount | mark |
| ---- | -----: | :--: |
| a    | 1      | x    |

3. third

- [x] done, see [there](https://example.com)
`

const FACTS =
  /^other\s+[\d.]+ tokens\/s\s+first token after [\d.]+ m?s\s+\d+ tokens\s+worker [\da-f]{8}$/
