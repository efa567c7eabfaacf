/**
 * Messages, tools and variables as values of a template, in OpenAI's form, which all templates
 * read. Every text of a caller gets a number, by which it is found again in the prompt.
 */
import type { ChatMessage, Tool, ToolCall } from '#shared/contracts/inference/chat.ts'
import { concat, Text, type Str } from './jinja/text.ts'
import { Dict, float, Float, List, NONE, type Value } from './jinja/values.ts'

interface ValueOptions {
  /** True when the template gets arguments of past calls as JSON text. */
  argumentsAsText: boolean
  /** The form of call ids that the template takes. */
  idOf: (id: string) => string
  /** True where a message that only calls has no content at all. */
  noEmptyContent?: boolean
  /** Writes past calls into the text of their message; absent: the template writes them. */
  writeCalls?: CallWriter
}

/** `name` and the values of `args` are a caller's. */
interface PastCall {
  name: Str
  /** Null where the arguments are no object. */
  args: Dict | null
  /** The arguments as they were written. */
  text: Str
}

export type CallWriter = (calls: readonly PastCall[]) => Str

export class TemplateValues {
  readonly #options: ValueOptions
  /** The numbers of the texts that have to be somewhere in the prompt. */
  readonly #expected: number[] = []
  #texts = 0

  constructor(options: ValueOptions) {
    this.#options = options
  }

  get expected(): readonly number[] {
    return this.#expected
  }

  messages(messages: readonly ChatMessage[]): Value {
    const names = namesOfCalls(messages)
    return new List(messages.map((message) => this.#message(message, names)))
  }

  tools(tools: readonly Tool[] | undefined): Value {
    return tools === undefined ? NONE : new List(tools.map((tool) => this.#tool(tool)))
  }

  /** A JSON value whose texts, keys too, are a caller's. */
  given(value: unknown): Value {
    if (typeof value === 'string') return this.#given(value)
    if (typeof value === 'number' || typeof value === 'boolean') return value
    if (typeof value === 'bigint' || value instanceof Float) return value
    if (Array.isArray(value)) return new List(value.map((item) => this.given(item)))
    if (typeof value !== 'object' || value === null) return NONE
    return new Dict(
      Object.entries(value).map(([key, each]) => [this.#given(key), this.given(each)])
    )
  }

  #message(message: ChatMessage, names: ReadonlyMap<string, string>): Value {
    const { role, reasoning = '', toolCalls = [], toolCallId } = message
    const values = new Dict([
      ['role', role],
      ['content', this.#content(message)]
    ])
    if (role === 'tool') this.#addCallOf(values, toolCallId ?? '', names)
    // The makers of templates have chosen different names for the same thing.
    if (reasoning !== '') {
      for (const name of ['reasoning_content', 'reasoning', 'thinking']) {
        values.set(name, this.#given(reasoning))
      }
    }
    if (toolCalls.length > 0 && this.#options.writeCalls === undefined) {
      values.set('tool_calls', new List(toolCalls.map((call) => this.#call(call))))
    }
    return values
  }

  /** A text beside calls may be left out, as many templates do on purpose. */
  #content({ content, toolCalls = [] }: ChatMessage): Value {
    const { writeCalls, noEmptyContent = false } = this.#options
    if (toolCalls.length === 0) return this.#wanted(content)
    if (writeCalls === undefined) {
      return content === '' && noEmptyContent ? NONE : this.#given(content)
    }
    const calls = writeCalls(toolCalls.map((call) => this.#pastCall(call)))
    return content === '' ? calls : concat([this.#given(content), '\n', calls])
  }

  #pastCall(call: ToolCall): PastCall {
    const args = argumentsOf(call)
    const isObject = !('raw' in args && args.raw === call.arguments)
    return {
      name: this.#wanted(call.name),
      args: isObject ? (this.given(args) as Dict) : null,
      text: this.#given(call.arguments.trim() === '' ? '{}' : call.arguments)
    }
  }

  #addCallOf(values: Dict, id: string, names: ReadonlyMap<string, string>): void {
    values.set('tool_call_id', this.#given(this.#options.idOf(id)))
    const name = names.get(id)
    if (name !== undefined) values.set('name', this.#given(name))
  }

  #call(call: ToolCall): Value {
    const { argumentsAsText, idOf } = this.#options
    const args = argumentsAsText ? this.#given(call.arguments) : this.given(argumentsOf(call))
    return new Dict([
      ['id', this.#given(idOf(call.id))],
      ['type', 'function'],
      [
        'function',
        new Dict([
          ['name', this.#wanted(call.name)],
          ['arguments', args]
        ])
      ]
    ])
  }

  #tool({ name, description, parameters }: Tool): Value {
    const values = new Dict([['name', this.#given(name)]])
    if (description !== undefined) values.set('description', this.#given(description))
    const schema = parameters ?? { type: 'object', properties: {} }
    values.set('parameters', this.given(schema))
    return new Dict([
      ['type', 'function'],
      ['function', values]
    ])
  }

  #given(text: string): Str {
    return text === '' ? '' : new Text([{ text, source: ++this.#texts }])
  }

  #wanted(text: string): Str {
    const value = this.#given(text)
    if (text.trim() !== '') this.#expected.push(this.#texts)
    return value
  }
}

function namesOfCalls(messages: readonly ChatMessage[]): ReadonlyMap<string, string> {
  const calls = messages.flatMap(({ toolCalls = [] }) => toolCalls)
  return new Map(calls.map(({ id, name }) => [id, name]))
}

/** The past is never refused: arguments that are no JSON object are given as their text. */
function argumentsOf({ arguments: text }: ToolCall): object {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text, numbersAsWritten)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // the text below says what was written
  }
  return { raw: text }
}

/** JavaScript would write 1.0 as 1, and the last digits of a long id as zeros. */
function numbersAsWritten(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source
  if (typeof value !== 'number' || source === undefined) return value
  if (/[.eE]/.test(source)) return float(value)
  return Number.isSafeInteger(value) ? value : BigInt(source)
}
