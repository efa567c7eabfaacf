/**
 * The dialogues in which real templates are compared with Python's Jinja2, as chats, and what the
 * templates make of them. See tools/chat-templates/expect.py.
 */
import { readFileSync } from 'node:fs'
import {
  ChatTemplate,
  type ChatToRender
} from '../../services/worker/engines/llama/child/prompt/chat-template.ts'
import type { ChatMessage, Tool, ToolCall } from '../../shared/contracts/inference/chat.ts'
import { bundleTemplates } from './bundle-templates.ts'

const FOLDER = new URL('../../tools/chat-templates/', import.meta.url)

export function parsed(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'))
}

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

export const DIALOGUES = parsed('dialogues') as Record<string, Dialogue>
const TOOLS = parsed('tools') as { usual: Tool[]; odd: Tool[] }

/** Every template of the bundle, at one time and with the texts of the same special tokens. */
export const templates: ReadonlyMap<string, ChatTemplate> = new Map(
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

export function chatOf({ messages, tools, variables }: Dialogue): ChatToRender {
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

/** As Python's `json.dumps` writes it, for the few templates that take arguments as text. */
function json(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(json).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(
    ([key, each]) => `${JSON.stringify(key)}: ${json(each)}`
  )
  return `{${entries.join(', ')}}`
}
