/**
 * The templates of 70 real models, each in 22 dialogues, against the prompts that Python's Jinja2
 * has made of them (tools/chat-templates/expect.py).
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { ChatTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import type {
  ChatMessage,
  Tool,
  ToolCall
} from '../../../../../../../shared/contracts/inference/chat.ts'
import { bundleTemplates } from '../../../../../../helpers/bundle-templates.ts'

const ROOT = new URL('../../../../../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const parsed = (name: string): unknown => JSON.parse(read(`tools/chat-templates/${name}.json`))

interface Dialogue {
  messages: {
    role: ChatMessage['role']
    content: string
    reasoning?: string
    calls?: [name: string, args: object][]
    call?: number
  }[]
  tools?: true | 'odd'
  variables?: Record<string, unknown>
}

const DIALOGUES = parsed('dialogues') as Record<string, Dialogue>
const TOOLS = parsed('tools') as { usual: Tool[]; odd: Tool[] }
interface Expected {
  end: string | null
  prompts: Record<string, string>
}
const EXPECTED = parsed('expected') as Record<string, Expected>

/** Templates whose prompt differs from Jinja2's in some dialogue, with what docs/models.md says. */
const DIFFERENT = new Map([['meetkai-functionary-medium-v3.1', 'escapes']])

const templates = new Map(
  [...bundleTemplates()].map(([name, source]) => [
    name,
    new ChatTemplate({
      source,
      bosText: '<bos>',
      eosText: '<eos>',
      now: () => new Date(2026, 0, 2, 3, 4, 5)
    })
  ])
)

/** As Python's `json.dumps` writes it, for the few templates that take arguments as text. */
function json(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(json).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(
    ([key, each]) => `${JSON.stringify(key)}: ${json(each)}`
  )
  return `{${entries.join(', ')}}`
}

function chatOf({ messages, tools, variables }: Dialogue) {
  const calls: ToolCall[] = []
  const chat = messages.map(({ calls: called = [], call, ...message }): ChatMessage => {
    const toolCalls = called.map(([name, args], i) => {
      const id = `call${String(calls.length + i).padStart(5, '0')}`
      return { id, name, arguments: json(args) }
    })
    calls.push(...toolCalls)
    return {
      ...message,
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
      ...(call === undefined ? {} : { toolCallId: calls[call]!.id })
    }
  })
  return {
    messages: chat,
    ...(tools === undefined ? {} : { tools: TOOLS[tools === true ? 'usual' : tools] }),
    ...(variables === undefined ? {} : { variables })
  }
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12)
const isHash = (prompt: string) => /^[0-9a-f]{12}$/.test(prompt)

function differences(name: string): string[] {
  const { prompts } = EXPECTED[name]!
  return Object.keys(DIALOGUES).filter((dialogue) => {
    const expected = prompts[dialogue]!
    return isHash(expected) && hash(rendered(name, dialogue)) !== expected
  })
}

const rendered = (name: string, dialogue: string): string =>
  templates.get(name)!.render(chatOf(DIALOGUES[dialogue]!)).text

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
    const different = Object.fromEntries(
      [...templates.keys()].map((name) => [name, differences(name)] as const)
    )
    for (const name of DIFFERENT.keys()) {
      assert.notDeepEqual(different[name], [], `${name} is the same by now`)
      delete different[name]
    }
    for (const [name, dialogues] of Object.entries(different)) assert.deepEqual(dialogues, [], name)
  })

  test('the prompt ends where the model begins', () => {
    for (const [name, { end }] of Object.entries(EXPECTED)) {
      if (end === null) continue
      const { text, opened } = templates.get(name)!.render(chatOf(DIALOGUES['plain']!))
      assert.ok(text.endsWith(end), name)
      assert.ok(text.endsWith(opened), name)
    }
  })

  test('a text that the template would leave out is in the prompt', () => {
    for (const [name, { prompts }] of Object.entries(EXPECTED)) {
      for (const [dialogue, expected] of Object.entries(prompts)) {
        if (!expected.startsWith('loses:')) continue
        const text = rendered(name, dialogue)
        for (const part of textsOf(dialogue)) {
          const escaped = JSON.stringify(part).slice(1, -1)
          assert.ok(text.includes(part) || text.includes(escaped), `${name}, ${dialogue}: ${part}`)
        }
      }
    }
  })

  test('a chat that the template refuses is changed until it takes it', () => {
    for (const [name, { prompts }] of Object.entries(EXPECTED)) {
      for (const [dialogue, expected] of Object.entries(prompts)) {
        if (!expected.startsWith('error:')) continue
        const text = rendered(name, dialogue)
        for (const part of textsOf(dialogue)) {
          const escaped = JSON.stringify(part).slice(1, -1)
          assert.ok(text.includes(part) || text.includes(escaped), `${name}, ${dialogue}: ${part}`)
        }
      }
    }
  })

  test('docs/models.md names each template that does not give the prompt of Jinja2', () => {
    const documented = [...read('docs/models.md').matchAll(/^\| `([^`]+)` +\| (.+?) +\|$/gm)]
    const reasonOf = new Map(documented.map(([, name, reason]) => [name, reason]))
    const losing = Object.entries(EXPECTED).filter(([, { prompts }]) =>
      Object.values(prompts).some((prompt) => prompt.startsWith('loses:'))
    )
    const names = [...DIFFERENT.keys(), ...losing.map(([name]) => name)]
    assert.deepEqual(new Set(reasonOf.keys()), new Set(names))
    for (const [name, reason] of DIFFERENT) assert.match(reasonOf.get(name)!, new RegExp(reason))
  })
})
