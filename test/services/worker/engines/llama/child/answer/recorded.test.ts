/** Recorded outputs of models: they hold what is expected of them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  FAMILIES,
  OWN_TEMPLATES,
  RECORDED_TOOLS,
  STANDARD
} from '../../../../../../helpers/recorded/recorded.ts'

/** Every text in a value, however deep it stands. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

test('every text that is expected of a recorded output stands in it', () => {
  const tools = new Set(RECORDED_TOOLS.map(({ name }) => name))
  assert.ok(FAMILIES.length > 55)
  for (const { name, outputs } of FAMILIES) {
    assert.ok(outputs.length > 1, name)
    for (const { title, output, content, reasoning, calls } of outputs) {
      const said = [content, ...reasoning.split('.').map((thought) => thought.trim())]
      const texts = [...said, ...textsIn(calls)]
      const holds = (text: string) => {
        const json = JSON.stringify(text).slice(1, -1)
        const inQuotes = json.replaceAll('\\"', '"') // between single quotes
        return [text, json, inQuotes].some((form) => output.includes(form))
      }
      assert.deepEqual(
        texts.filter((text) => !holds(text)),
        [],
        `${name}: ${title}`
      )
      assert.ok(
        calls.every(([called]) => tools.has(called)),
        `${name}: ${title}`
      )
    }
  }
})

test('every family has a template, and every other title says what it shows', () => {
  for (const { name, template, outputs } of FAMILIES) {
    assert.match(template, /\.jinja$/, name)
    const isOwn = OWN_TEMPLATES.has(template)
    assert.equal(isOwn, ['FunctionGemma', 'Phi-4-mini'].includes(name), name)
    const titles = outputs.map(({ title }) => title)
    assert.ok(titles.includes('said'), name)
    assert.equal(new Set(titles).size, titles.length, name)
    assert.ok(titles.some((title) => title in STANDARD))
  }
})

test('the documents list every family, with what its outputs show', () => {
  const page = new URL('../../../../../../../docs/tools.md', import.meta.url)
  const rows = readFileSync(page, 'utf8').matchAll(
    /^\| (.+?) +\| `(.+?)` +\| (.+?) +\| (.+?) +\| (\d+) +\|$/gm
  )
  const words = { open: 'prompt', always: 'prompt', chosen: 'model' }
  const listed = Array.from(rows, ([, ...cells]) => cells)
  const shown = FAMILIES.map(({ name, template, thought, outputs }) => {
    const most = Math.max(...outputs.map(({ calls }) => calls.length))
    const several = most === 0 ? '—' : most > 1 ? 'yes' : 'no'
    const file = template.replace(/\.jinja$/, '')
    return [name, file, thought === null ? 'no' : words[thought], several, `${outputs.length}`]
  })
  assert.deepEqual(listed, shown)
})
