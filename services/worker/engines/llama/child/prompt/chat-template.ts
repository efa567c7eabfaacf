/**
 * A model's own chat template: messages, tools and variables to the text that its makers meant the
 * model to read, with `add_generation_prompt` as `transformers` renders it. What callers wrote is
 * kept apart from what the template wrote, so `<|im_end|>` in a message stays text.
 */
import type { ChatMessage, Tool } from '#shared/contracts/inference/chat.ts'
import { HaifError } from '#shared/errors.ts'
import { toJson } from './jinja/json.ts'
import { strftime } from './jinja/strftime.ts'
import { JinjaTemplate } from './jinja/template.ts'
import { raw, Text, type Span, type Str } from './jinja/text.ts'
import { EndlessTemplate, List, NONE, type Value } from './jinja/values.ts'
import { callWriterOf } from './past-calls.ts'
import { repairsOf, type ChatInTemplate } from './repairs.ts'
import { TemplateValues } from './template-values.ts'

interface ChatTemplateOptions {
  /** The template's text in the file. */
  source: string
  /** The file's second template, for chats with tools. */
  toolSource?: string | null
  bosText: string
  eosText: string
  /** The clock of templates that write today's date. */
  now?: () => Date
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
  /** The prompt in pieces; those with a source are a caller's, the others the template's. */
  spans: readonly Span[]
  /** All of it as one text. */
  text: string
  /** The end of `text` that opens the model's turn, such as `<|im_start|>assistant\n<think>\n`. */
  opened: string
}

export class ChatTemplate {
  /** The template's text. */
  readonly source: string
  readonly #now: () => Date
  readonly #template: JinjaTemplate
  readonly #toolTemplate: JinjaTemplate
  readonly #globals: readonly (readonly [string, Value])[]
  readonly #argumentsAsText = new Map<JinjaTemplate, boolean>()

  /** Throws when the template cannot be read. */
  constructor({ source, toolSource, bosText, eosText, now = today }: ChatTemplateOptions) {
    this.source = source
    this.#now = now
    this.#template = new JinjaTemplate(source, now)
    this.#toolTemplate = toolSource ? new JinjaTemplate(toolSource, now) : this.#template
    this.#globals = [
      ['bos_token', bosText],
      ['eos_token', eosText]
    ]
  }

  /**
   * Renders a chat as it is, where the template takes it so and writes every text of it. Otherwise
   * the least change of the messages is made with which it does. Throws VALIDATION_FAILED with the
   * template's own words when none helps.
   */
  render(chat: ChatToRender): RenderedChat {
    let incomplete: (() => RenderedChat) | null = null
    let refusal: unknown
    for (const candidate of repairsOf(chat)) {
      try {
        const { text, isComplete } = this.#renderOnce(candidate)
        const rendered = () => this.#withOpened(candidate, text)
        if (isComplete) return rendered()
        incomplete ??= rendered
      } catch (error) {
        refusal ??= error
        if (error instanceof EndlessTemplate) break
      }
    }
    if (incomplete !== null) return incomplete()
    throw refused(refusal)
  }

  /** Renders the messages without any change; throws what the template throws. */
  renderAsIs(chat: ChatToRender): RenderedChat {
    return this.#withOpened(chat, this.#renderOnce(chat).text)
  }

  #withOpened(chat: ChatInTemplate, text: Str): RenderedChat {
    const spans = text instanceof Text ? text.spans : [{ text, source: 0 }]
    const whole = raw(text)
    return { spans, text: whole, opened: this.#openedIn(whole, chat) }
  }

  /** What opens the turn depends on the end of a chat, so a long one is not rendered twice. */
  #openedIn(text: string, chat: ChatInTemplate): string {
    if (chat.addGenerationPrompt === false) return ''
    const { messages } = chat
    if (messages.length > MESSAGES_TWICE_MAX) {
      const from = messages.findLastIndex(({ role }, i) => {
        return role === 'user' && i < messages.length - MESSAGES_AT_END
      })
      const end = { ...chat, messages: messages.slice(Math.max(from, 0)) }
      const opened = this.#openedBetween(end)
      if (opened !== null && text.endsWith(opened)) return opened
    }
    return this.#openedBetween(chat, text) ?? ''
  }

  #openedBetween(chat: ChatInTemplate, rendered?: string): string | null {
    try {
      const open = rendered ?? raw(this.#renderOnce(chat).text)
      const closed = raw(this.#renderOnce({ ...chat, addGenerationPrompt: false }).text)
      return open.slice(commonLength(open, closed))
    } catch {
      return null // some templates render only chats that go on
    }
  }

  #renderOnce(chat: ChatInTemplate): { text: Str; isComplete: boolean } {
    const { messages, tools, variables = {}, addGenerationPrompt = true, idOf } = chat
    const hasCalls = messages.some(({ toolCalls }) => toolCalls !== undefined)
    const isAboutTools = (tools !== undefined && tools.length > 0) || hasCalls
    const template = isAboutTools ? this.#toolTemplate : this.#template
    const values = new TemplateValues({
      argumentsAsText: hasCalls && this.#takesArgumentsAsText(template),
      idOf: idOf ?? ((id) => id),
      ...(chat.callsInText === true ? { writeCalls: callWriterOf(template.source) } : {}),
      ...(chat.noEmptyContent === true ? { noEmptyContent: true } : {})
    })
    const toolValues = values.tools(tools)
    const text = template.render([
      ['documents', NONE],
      ...Object.entries(variables).map(([name, value]) => [name, values.given(value)] as const),
      ...this.#globals,
      ['messages', values.messages(messages)],
      ['tools', toolValues],
      ['add_generation_prompt', addGenerationPrompt],
      ...(namesFunctions(template) ? this.#functions(toolValues) : [])
    ])
    const written = new Set(text instanceof Text ? text.spans.map(({ source }) => source) : [])
    return { text, isComplete: values.expected.every((source) => written.has(source)) }
  }

  /** Firefunction's names for what it reads. */
  #functions(tools: Value): (readonly [string, Value])[] {
    const indent = { args: [], named: new Map([['indent', 4]]) }
    return [
      ['functions', toJson(tools === NONE ? new List([]) : tools, indent)],
      ['datetime', strftime(this.#now(), '%b %d %Y %H:%M:%S')]
    ]
  }

  /** Most templates write the arguments of a past call from an object, a few only from its text. */
  #takesArgumentsAsText(template: JinjaTemplate): boolean {
    let asText = this.#argumentsAsText.get(template)
    if (asText === undefined) {
      asText = !this.#writesCall(template, false) && this.#writesCall(template, true)
      this.#argumentsAsText.set(template, asText)
    }
    return asText
  }

  #writesCall(template: JinjaTemplate, argumentsAsText: boolean): boolean {
    const values = new TemplateValues({ argumentsAsText, idOf: (id) => id })
    return [undefined, [PROBE_TOOL]].some((tools) => {
      try {
        const text = template.render([
          ...this.#globals,
          ['messages', values.messages(PROBE_CHAT)],
          ['tools', values.tools(tools)],
          ['add_generation_prompt', false]
        ])
        // A mapping that is printed as Python writes it is no JSON.
        return raw(text).includes(PROBE_VALUE) && !raw(text).includes(`'${PROBE_KEY}'`)
      } catch {
        return false
      }
    })
  }
}

const today = () => new Date()

const namesFunctions = ({ source }: JinjaTemplate): boolean =>
  /\+ functions\b/.test(source) && /\+ datetime\b/.test(source)

const PROBE_KEY = 'haifProbeKey'
const PROBE_VALUE = 'haifProbeValue'
const PROBE_CALL = {
  id: 'hAiFpRb01',
  name: 'haifProbe',
  arguments: JSON.stringify({ [PROBE_KEY]: PROBE_VALUE })
}
const PROBE_CHAT: readonly ChatMessage[] = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: '', toolCalls: [PROBE_CALL] },
  { role: 'tool', content: '42', toolCallId: PROBE_CALL.id }
]
const PROBE_TOOL: Tool = {
  name: PROBE_CALL.name,
  description: 'A probe.',
  parameters: { type: 'object', properties: { city: { type: 'string', description: 'A.' } } }
}

function commonLength(a: string, b: string): number {
  if (a.startsWith(b)) return b.length
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}

function refused(error: unknown): HaifError {
  if (error instanceof HaifError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new HaifError(
    'VALIDATION_FAILED',
    `the model's chat template does not take these messages: ${reason.slice(0, REASON_MAX)}`,
    { cause: error }
  )
}

const REASON_MAX = 300
const MESSAGES_TWICE_MAX = 32
const MESSAGES_AT_END = 8
