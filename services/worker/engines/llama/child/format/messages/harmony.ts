/**
 * Harmony, the form of gpt-oss: an answer is a row of messages, each with a header that names its
 * channel and perhaps its recipient.
 *
 *   <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>
 *   <|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>
 *
 * `analysis` is the thought, `final` the answer, and `commentary` without a recipient is also said
 * to the user. The recipient may stand before the channel. https://github.com/openai/harmony
 */
import { HeldSpace } from '../held-space.ts'
import type { Input, Reading } from '../input.ts'
import { readJson } from '../json-value.ts'
import type { Marks } from '../marks.ts'
import type {
  BoundFormat,
  CallableTool,
  OutputFormat,
  OutputParts,
  PromptThought,
  ReadOptions,
  Rules,
  SaidBefore
} from '../output-format.ts'
import { readHeader } from './header.ts'

export const harmony: OutputFormat = {
  name: 'harmony',
  reasons: true,
  calls: true,
  bind: (marks) => new Harmony(marks)
}

interface Header {
  channel: string
  /** The tool that is called; null where the message is for the user. */
  tool: string | null
}

class Harmony implements BoundFormat {
  readonly #marks: Marks
  readonly #start: string
  readonly #channel: string
  readonly #constrain: string
  readonly #message: string
  readonly #ends: readonly string[]

  constructor(marks: Marks) {
    this.#marks = marks
    this.#start = marks.of('<|start|>')
    this.#channel = marks.of('<|channel|>')
    this.#constrain = marks.of('<|constrain|>')
    this.#message = marks.of('<|message|>')
    this.#ends = ['<|end|>', '<|call|>', '<|return|>', '<|start|>'].map((mark) => marks.of(mark))
  }

  *read(input: Input, to: OutputParts, { opened, tools }: ReadOptions): Reading<void> {
    let said = false
    if (opened) yield* this.#readThought(input, to)
    while (yield* input.hasMore()) {
      const header = yield* this.#readHeader(input, to, tools !== null)
      if (header === null) return
      if (header.tool !== null && tools !== null) {
        yield* this.#readCall(header.tool, input, to)
      } else if (header.tool !== null || header.channel === 'analysis') {
        yield* this.#readThought(input, to)
      } else {
        if (said) to.content('\n\n')
        said = true
        yield* this.#readContent(header, input, to)
      }
    }
  }

  thoughtAt(promptEnd: string): PromptThought {
    if (promptEnd.endsWith('<|channel|>analysis<|message|>')) return 'open'
    return promptEnd.endsWith('<|message|>') ? 'over' : 'free'
  }

  thoughtRule(): string {
    return this.#marks.literal(`${this.#channel}analysis${this.#message}`)
  }

  thoughtEndRule(): null {
    return null
  }

  afterThoughtRule(): string {
    return `( ${this.#marks.literal(`${this.#start}assistant`)} )?`
  }

  contentRule(): string {
    const channel = this.#marks.literal(`${this.#channel}final`)
    const json = this.#marks.literal(`${this.#constrain}json`)
    return `${channel} ( " "? ${json} )? ${this.#marks.literal(this.#message)}`
  }

  callsRule(rules: Rules, tools: readonly CallableTool[]): string {
    const text = (mark: string) => rules.literal(mark)
    const names = tools.map((tool) => {
      const args = rules.addGrammar('arguments', tool.argumentsGrammar)
      const to = text(` to=functions.${tool.name}`)
      const channel = `${text(this.#channel)} ( "commentary" | "analysis" )`
      const json = `( " "? ( ${text(this.#constrain)} )? "json" )?`
      return `( ${to} ${channel} | ${channel} ${to} ) ${json} ${text(this.#message)} ${args}`
    })
    return rules.add('call', names.join(' | '))
  }

  written({ reasoning, text, opened }: SaidBefore): string {
    const [end] = this.#ends
    const begin = opened ? '' : `${this.#channel}analysis${this.#message}`
    const final = `${this.#channel}final${this.#message}${text}`
    if (reasoning === '') return text === '' ? '' : final
    return `${begin}${reasoning}${text === '' ? '' : `${end}${this.#start}assistant${final}`}`
  }

  /** Takes the header of a message; null: the text is over before its end. */
  *#readHeader(input: Input, to: OutputParts, calls: boolean): Reading<Header | null> {
    to.passes(this.#ends.join(''))
    const begins = [this.#channel, this.#start, 'assistant', 'to=']
    const syntax = { message: this.#message, begins, marks: [this.#channel, this.#start] }
    const header = yield* readHeader(input, syntax, (text) => {
      if (calls && text.endsWith('to=functions.')) to.certain(this.#withoutRole(text) + input.rest)
    })
    // A text without a header is for the user.
    if (header.kind === 'text') return { channel: 'final', tool: null }
    return header.kind === 'cut' ? null : this.#parse(header.text)
  }

  /** The header of a later message begins with the role, which a call's grammar has not. */
  #withoutRole(text: string): string {
    const role = `${this.#start}assistant`
    return text.startsWith(role) ? text.slice(role.length) : text.replace(/^assistant/, '')
  }

  #parse(header: string): Header {
    const [, channel = 'final'] = header.split(this.#channel, 2)
    const recipient = /to=(?:functions\.)?([\w.-]{1,64})/.exec(header)?.[1] ?? null
    const isTool = recipient !== null && recipient !== 'user' && recipient !== 'assistant'
    return { channel: /^\w*/.exec(channel)![0], tool: isTool ? recipient : null }
  }

  *#readThought(input: Input, to: OutputParts): Reading<void> {
    const thought = new HeldSpace((text) => to.thought(text))
    to.thinking(true)
    to.passes(this.#ends.join(''))
    yield* input.spaces()
    const end = yield* input.until(this.#ends, (text) => thought.push(text))
    if (end !== null) to.thinking(false)
  }

  *#readContent({ channel }: Header, input: Input, to: OutputParts): Reading<void> {
    const isFinal = channel === 'final'
    to.passes(isFinal ? '' : this.#ends.join(''))
    const end = yield* input.until(this.#ends, (text) => to.content(text))
    if (end !== null && isFinal && end !== this.#start) to.done()
  }

  *#readCall(tool: string, input: Input, to: OutputParts): Reading<void> {
    to.passes('')
    yield* input.spaces()
    to.call(tool)
    const isObject = (yield* input.peek()) === '{'
    const isWhole = isObject && (yield* readJson(input, (json) => to.arguments(json)))
    if (!isObject) to.arguments('{}')
    to.callEnd(isWhole || !isObject)
    if (isWhole) to.done() // a turn has one call
    else yield* input.until(this.#ends, () => {})
  }
}
