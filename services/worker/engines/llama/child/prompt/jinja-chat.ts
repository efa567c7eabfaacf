/**
 * A chat with tools through the model's own template. What people wrote is not rendered itself but
 * a word that stands for it, so that afterwards the template's part of the text can be told from
 * theirs, and `<|im_end|>` in a message or a tool's description stays text.
 */
import { createHash } from 'node:crypto'
import { Template } from '@huggingface/jinja'
import type { ChatMessage, Tool, ToolCall } from '#shared/contracts/inference/chat.ts'
import { HaifError } from '#shared/errors.ts'

/** A part of a prompt: the template's text, or people's text. */
export type RenderedPart = { template: string } | { text: string }

export interface JinjaChatOptions {
  template: string
  bosText: string
  eosText: string
}

export interface ChatToRender {
  messages: readonly ChatMessage[]
  tools?: readonly Tool[]
  /** True when the template gets arguments of past calls as JSON text. */
  argumentsAsText: boolean
  /** Further variables of the template. */
  variables?: Record<string, unknown>
}

export class JinjaChat {
  readonly #template: Template
  readonly #globals: Record<string, unknown>

  /** Throws when the template cannot be read. */
  constructor({ template, bosText, eosText }: JinjaChatOptions) {
    this.#template = new Template(template)
    this.#globals = { bos_token: bosText, eos_token: eosText }
  }

  /** Renders values without placeholders; throws what the template throws. */
  renderRaw(values: Record<string, unknown>): string {
    return this.#template.render({ ...this.#globals, ...values })
  }

  /**
   * Renders up to the beginning of the model's turn. Throws when the template refuses the messages.
   */
  render(chat: ChatToRender): RenderedPart[] {
    try {
      return this.#renderWith(chat, (id) => id)
    } catch (error) {
      try {
        return this.#renderWith(chat, shortId) // some take only ids of the form that they know
      } catch {
        throw error
      }
    }
  }

  #renderWith(
    { messages, tools, argumentsAsText, variables }: ChatToRender,
    idOf: (id: string) => string
  ): RenderedPart[] {
    const texts = new Placeholders()
    const names = namesOfCalls(messages)
    const text = this.renderRaw({
      ...variables,
      messages: messages.map((message) =>
        toTemplate(message, { texts, names, argumentsAsText, idOf })
      ),
      ...(tools === undefined ? {} : { tools: tools.map((tool) => toolToTemplate(tool, texts)) }),
      add_generation_prompt: true
    })
    return texts.split(text)
  }
}

/** The form that Mistral's templates want: nine letters or digits. */
const shortId = (id: string) =>
  createHash('sha256').update(id).digest('base64').replace(/[+/=]/g, '').slice(0, 9)

class Placeholders {
  readonly #texts: string[] = []

  /** Returns the placeholder of a text. Empty texts have none: templates test for them. */
  for(text: string): string {
    if (text === '') return ''
    return `${MARK}${this.#texts.push(text) - 1}${MARK_END}`
  }

  /** Every string in a JSON value. */
  inside(value: unknown): unknown {
    if (typeof value === 'string') return this.for(value)
    if (Array.isArray(value)) return value.map((item) => this.inside(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.inside(each)]))
  }

  split(rendered: string): RenderedPart[] {
    const parts: RenderedPart[] = []
    let at = 0
    for (const match of rendered.matchAll(new RegExp(`${MARK}(\\d+)${MARK_END}`, 'g'))) {
      const text = this.#texts[Number(match[1])]
      if (text === undefined) continue
      if (match.index > at) parts.push({ template: rendered.slice(at, match.index) })
      at = match.index + match[0].length
      // Inside a JSON string the text has to be escaped.
      const isJson = rendered[match.index - 1] === '"' && rendered[at] === '"'
      parts.push({ text: isJson ? JSON.stringify(text).slice(1, -1) : text })
    }
    if (at < rendered.length) parts.push({ template: rendered.slice(at) })
    return parts
  }
}

const MARK = 'haifText'
const MARK_END = 'x7Qp'

function namesOfCalls(messages: readonly ChatMessage[]): ReadonlyMap<string, string> {
  const calls = messages.flatMap(({ toolCalls = [] }) => toolCalls)
  return new Map(calls.map(({ id, name }) => [id, name]))
}

interface MessageFacts {
  texts: Placeholders
  names: ReadonlyMap<string, string>
  argumentsAsText: boolean
  idOf: (id: string) => string
}

function toTemplate(message: ChatMessage, { texts, names, argumentsAsText, idOf }: MessageFacts) {
  const { role, toolCalls = [], toolCallId } = message
  const content = texts.for(message.content)
  if (role === 'tool') {
    const id = toolCallId ?? ''
    const name = names.get(id)
    return { role, content, tool_call_id: idOf(id), ...(name === undefined ? {} : { name }) }
  }
  if (toolCalls.length === 0) return { role, content }
  const calls = toolCalls.map((call) => {
    const given = argumentsOf(call)
    const args = argumentsAsText ? texts.for(call.arguments) : texts.inside(given)
    return { id: idOf(call.id), type: 'function', function: { name: call.name, arguments: args } }
  })
  return { role, content, tool_calls: calls }
}

function argumentsOf({ name, arguments: text }: ToolCall): object {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // the error below says it
  }
  throw new HaifError(
    'VALIDATION_FAILED',
    `the arguments of the call of ${name} in the messages are no JSON object: ` +
      'send them as the model wrote them',
    { details: { param: 'messages' } }
  )
}

function toolToTemplate({ name, description = '', parameters }: Tool, texts: Placeholders) {
  const schema = parameters ?? { type: 'object', properties: {} }
  return {
    type: 'function',
    function: {
      name,
      description: texts.for(description),
      parameters: withDescriptions(schema, texts)
    }
  }
}

/** Replaces the prose in a schema; its names and values stay, because templates read them. */
function withDescriptions(value: unknown, texts: Placeholders): unknown {
  if (Array.isArray(value)) return value.map((item) => withDescriptions(item, texts))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const isProse = key === 'description' && typeof each === 'string'
      return [key, isProse ? texts.for(each) : withDescriptions(each, texts)]
    })
  )
}
