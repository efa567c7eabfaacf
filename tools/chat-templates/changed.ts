/**
 * Writes changed.json: the chats that HAIF gives to templates which refuse the caller's chat, or
 * leave a text of it out, in OpenAI's form. expect.py then makes Jinja2's prompts of them.
 *
 *     node tools/chat-templates/changed.ts && python3 tools/chat-templates/expect.py FOLDER
 */
import { writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { ChatTemplate } from '../../services/worker/engines/llama/child/prompt/chat-template.ts'
import { raw, Text } from '../../services/worker/engines/llama/child/prompt/jinja/text.ts'
import {
  Dict,
  List,
  NONE,
  type Value
} from '../../services/worker/engines/llama/child/prompt/jinja/values.ts'
import { callWriterOf } from '../../services/worker/engines/llama/child/prompt/past-calls.ts'
import {
  repairsOf,
  type ChatInTemplate
} from '../../services/worker/engines/llama/child/prompt/repairs.ts'
import { TemplateValues } from '../../services/worker/engines/llama/child/prompt/template-values.ts'
import { chatOf, DIALOGUES, templates } from '../../test/helpers/template-dialogues.ts'

/** The chat that the template was given in the end; null where it took the caller's. */
function changed(template: ChatTemplate, chat: ChatInTemplate): ChatInTemplate | null {
  const { text } = template.render(chat)
  const [first, ...others] = [...repairsOf(chat)].filter((candidate) => {
    try {
      return template.renderAsIs(candidate).text === text
    } catch {
      return false
    }
  })
  return first === chat ? null : (first ?? others[0] ?? null)
}

function plain(value: Value): unknown {
  if (typeof value === 'string' || value instanceof Text) return raw(value)
  if (value instanceof List) return value.items.map(plain)
  if (value instanceof Dict) {
    return Object.fromEntries(
      value.entries().map(([key, each]) => [String(plain(key)), plain(each)])
    )
  }
  return value === NONE ? null : value
}

function inOpenAiForm({ source }: ChatTemplate, chat: ChatInTemplate): unknown {
  const values = new TemplateValues({
    argumentsAsText: false,
    idOf: chat.idOf ?? ((id) => id),
    ...(chat.callsInText === true ? { writeCalls: callWriterOf(source) } : {}),
    ...(chat.noEmptyContent === true ? { noEmptyContent: true } : {})
  })
  return {
    messages: plain(values.messages(chat.messages)),
    tools: plain(values.tools(chat.tools)),
    variables: chat.variables ?? {}
  }
}

const chats: unknown[] = []
const of = [...templates].map(([name, template]) => {
  const numbers = Object.entries(DIALOGUES).flatMap(([dialogue, each]) => {
    const chat = changed(template, chatOf(each))
    if (chat === null) return []
    const form = inOpenAiForm(template, chat)
    const known = chats.findIndex((other) => isDeepStrictEqual(other, form))
    return [[dialogue, known === -1 ? chats.push(form) - 1 : known] as const]
  })
  return [name, Object.fromEntries(numbers)] as const
})
const file = new URL('changed.json', import.meta.url)
writeFileSync(file, `${JSON.stringify({ chats, of: Object.fromEntries(of) }, null, 1)}\n`)
