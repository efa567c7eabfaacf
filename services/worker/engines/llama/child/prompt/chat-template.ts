/**
 * A model's own chat template: messages, tools and variables to the text that its makers meant the
 * model to read, with `add_generation_prompt` as `transformers` renders it. What callers wrote is
 * kept apart from what the template wrote, so `<|im_end|>` in a message stays text.
 */
import { createHash } from 'node:crypto'
import { Template } from '@huggingface/jinja'
import type { ChatMessage, Tool } from '#shared/contracts/inference/chat.ts'
import { HaifError } from '#shared/errors.ts'
import { toTemplateMessage, toTemplateTool } from './template-values.ts'

/** A part of a prompt: the template's text, or a caller's text. */
type PromptPart = { template: string } | { text: string }

interface ChatTemplateOptions {
  /** The template's text in the file. */
  source: string
  bosText: string
  eosText: string
}

export interface ChatToRender {
  messages: readonly ChatMessage[]
  tools?: readonly Tool[]
  /** Further variables of the template, such as `enable_thinking`. */
  variables?: Readonly<Record<string, unknown>>
  /** Whether the model's turn is opened at the end; it is unless said otherwise. */
  addGenerationPrompt?: boolean
}

export interface RenderedChat {
  parts: PromptPart[]
  /** All of it as one text. */
  text: string
  /** The end of `text` that opens the model's turn, such as `<|im_start|>assistant\n<think>\n`. */
  opened: string
}

export class ChatTemplate {
  readonly source: string
  readonly #template: Template
  readonly #globals: Record<string, unknown>
  #argumentsAsText: boolean | undefined

  /** Throws when the template cannot be read. */
  constructor({ source, bosText, eosText }: ChatTemplateOptions) {
    this.source = source
    this.#template = new Template(source)
    this.#globals = { bos_token: bosText, eos_token: eosText }
  }

  /** Throws VALIDATION_FAILED with the template's own words when it refuses the messages. */
  render(chat: ChatToRender): RenderedChat {
    try {
      return this.#renderWith(chat, (id) => id)
    } catch (error) {
      try {
        return this.#renderWith(chat, shortId) // some take only ids of the form that they know
      } catch {
        throw refusal(error)
      }
    }
  }

  #renderWith(chat: ChatToRender, idOf: (id: string) => string): RenderedChat {
    const parts = this.#partsOf(chat, idOf)
    const text = textOf(parts)
    const opened = chat.addGenerationPrompt === false ? '' : this.#opened(chat, idOf, text)
    return { parts, text, opened }
  }

  #opened(chat: ChatToRender, idOf: (id: string) => string, text: string): string {
    const closed = textOf(this.#partsOf({ ...chat, addGenerationPrompt: false }, idOf))
    return text.startsWith(closed) ? text.slice(closed.length) : ''
  }

  #partsOf(
    { messages, tools, variables, addGenerationPrompt = true }: ChatToRender,
    idOf: (id: string) => string
  ): PromptPart[] {
    const texts = new Placeholders()
    const isAboutCalls = messages.some(({ toolCalls }) => toolCalls !== undefined)
    const facts = {
      names: namesOfCalls(messages),
      argumentsAsText: isAboutCalls && this.#takesArgumentsAsText(),
      idOf,
      given: (text: string) => texts.for(text)
    }
    const text = this.#template.render({
      ...this.#globals,
      ...variables,
      messages: messages.map((message) => toTemplateMessage(message, facts)),
      ...(tools === undefined ? {} : { tools: tools.map((tool) => toTemplateTool(tool, facts)) }),
      add_generation_prompt: addGenerationPrompt
    })
    return texts.split(text)
  }

  /** Most templates write the arguments of a past call from an object, a few only from its text. */
  #takesArgumentsAsText(): boolean {
    this.#argumentsAsText ??= !this.#writes({ haifProbe: 'haifValue' })
    return this.#argumentsAsText
  }

  #writes(args: unknown): boolean {
    const call = { id: 'hAiFpRb01', type: 'function', function: { name: 'f', arguments: args } }
    try {
      const text = this.#template.render({
        ...this.#globals,
        messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', content: '', tool_calls: [call] }
        ]
      })
      return text.includes('haifValue')
    } catch {
      return false
    }
  }
}

function textOf(parts: readonly PromptPart[]): string {
  return parts.map((part) => ('text' in part ? part.text : part.template)).join('')
}

/** The form that Mistral's templates want: nine letters or digits. */
const shortId = (id: string) =>
  createHash('sha256').update(id).digest('base64').replace(/[+/=]/g, '').slice(0, 9)

function namesOfCalls(messages: readonly ChatMessage[]): ReadonlyMap<string, string> {
  const calls = messages.flatMap(({ toolCalls = [] }) => toolCalls)
  return new Map(calls.map(({ id, name }) => [id, name]))
}

function refusal(error: unknown): HaifError {
  if (error instanceof HaifError) return error
  return new HaifError(
    'VALIDATION_FAILED',
    `the model's chat template does not take these messages: ${firstLine(error)}`,
    { cause: error }
  )
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return (message.split('\n', 1)[0] ?? '').slice(0, 200)
}

class Placeholders {
  readonly #texts: string[] = []

  /** Returns the placeholder of a text. Empty texts have none: templates test for them. */
  for(text: string): string {
    if (text === '') return ''
    return `${MARK}${this.#texts.push(text) - 1}${MARK_END}`
  }

  split(rendered: string): PromptPart[] {
    const parts: PromptPart[] = []
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
