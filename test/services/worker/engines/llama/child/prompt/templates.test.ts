/**
 * The templates of 70 real models, each in 22 dialogues, against the prompts that Python's Jinja2
 * has made of them (tools/chat-templates/expect.py).
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import type { RenderedChat } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import {
  chatOf,
  DIALOGUES,
  parsed,
  templates
} from '../../../../../../helpers/template-dialogues.ts'

interface Expected {
  end: string | null
  /** A hash, an error, or the text that the template leaves out, by dialogue. */
  prompts: Record<string, string>
  /** Hashes of the prompts of the chats that HAIF gives to the template instead. */
  changed?: Record<string, string>
}
const EXPECTED = parsed('expected') as Record<string, Expected>

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12)
const isHash = (prompt: string) => /^[0-9a-f]{12}$/.test(prompt)

const known = new Map<string, RenderedChat>()

function rendered(name: string, dialogue: string): RenderedChat {
  const key = `${name}, ${dialogue}`
  const chat = known.get(key) ?? templates.get(name)!.render(chatOf(DIALOGUES[dialogue]!))
  known.set(key, chat)
  return chat
}

/** Each template and dialogue with what Jinja2 made of them. */
const all = Object.entries(EXPECTED).flatMap(([name, { prompts, changed = {} }]) =>
  Object.entries(prompts).map(([dialogue, prompt]) => {
    return { name, dialogue, prompt, changed: changed[dialogue] }
  })
)

/** The texts of a caller that must be in every prompt; a thought may be left out by design. */
function textsOf(dialogue: string): string[] {
  return DIALOGUES[dialogue]!.messages.flatMap(({ content, calls }) =>
    calls === undefined ? [content.split('</think>').at(-1)!.trim()] : calls.map(([name]) => name)
  )
}

suite('templates of real models', () => {
  test('are those whose prompts are known', () => {
    assert.deepEqual([...templates.keys()], Object.keys(EXPECTED))
  })

  test('the prompt is the one of Jinja2', () => {
    const different = all.filter(({ name, dialogue, prompt }) => {
      return isHash(prompt) && hash(rendered(name, dialogue).text) !== prompt
    })
    assert.deepEqual(different, [])
  })

  test('the prompt ends where the model begins', () => {
    for (const [name, { end }] of Object.entries(EXPECTED)) {
      if (end === null) continue
      const { text, opened } = rendered(name, 'plain')
      assert.ok(text.endsWith(end), name)
      assert.ok(text.endsWith(opened), name)
    }
  })

  test('a chat that the template refuses or leaves a text out of is changed a little', () => {
    let count = 0
    for (const { name, dialogue, prompt, changed } of all) {
      if (isHash(prompt)) continue
      const { text } = rendered(name, dialogue)
      for (const part of textsOf(dialogue)) {
        const escaped = JSON.stringify(part).slice(1, -1)
        assert.ok(text.includes(part) || text.includes(escaped), `${name}, ${dialogue}: ${part}`)
      }
      if (changed === undefined) continue // Jinja2 cannot write it in any form
      assert.equal(hash(text), changed, `${name}, ${dialogue}`)
      count++
    }
    assert.equal(count, 140)
  })

  test('docs/models.md names each template that leaves out what a caller wrote', () => {
    const page = new URL('../../../../../../../docs/models.md', import.meta.url)
    const documented = readFileSync(page, 'utf8').matchAll(/^\| `([^`]+)` +\| (.+?) +\|$/gm)
    const losing = all.filter(({ prompt }) => prompt.startsWith('loses:'))
    assert.deepEqual(
      new Set(Array.from(documented, ([, name]) => name)),
      new Set(losing.map(({ name }) => name))
    )
  })
})
