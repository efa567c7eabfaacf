/**
 * The form of Muse Glimmer: an answer is a row of messages, and the header of each names who it is
 * for. The prompt has written `<|start|>assistant` before the first.
 *
 *    to=self<|message|>…<|eom|><|start|>assistant to=user<|message|>…<|eot|>
 *    to=NAME<|message|><atem:function_calls>
 *   <atem:invoke name="NAME">
 *   <atem:parameter name="city">Köln</atem:parameter>
 *   </atem:invoke>
 *   </atem:function_calls><|eom|>
 *
 * What goes to `self` is the thought. `<|eom|>` ends a message, and `<|eot|>` the turn.
 */
import { taggedArguments } from '../arguments/tagged-arguments.ts'
import { HeldSpace } from '../held-space.ts'
import type { Input, Reading } from '../input.ts'
import type { Marks } from '../marks.ts'
import type {
  BoundCalls,
  BoundFormat,
  CallableTool,
  OutputFormat,
  OutputParts,
  PromptThought,
  ReadOptions,
  Rules,
  SaidBefore
} from '../output-format.ts'
import { literal, sequence, toolName } from '../parts.ts'
import { readCalls } from '../read-calls.ts'
import { readHeader } from './header.ts'

export const addressed: OutputFormat = {
  name: 'addressed',
  reasons: true,
  calls: true,
  bind: (marks) => new Addressed(marks)
}

const CALLS = '<atem:function_calls>'
const SELF = ' to=self'
const USER = ' to=user'
const NOBODY: ReadonlySet<string> = new Set(['self', 'user', 'assistant'])

class Addressed implements BoundFormat {
  readonly #marks: Marks
  readonly #start: string
  readonly #message: string
  readonly #eom: string
  readonly #eot: string
  readonly #ends: readonly string[]
  readonly #calls: BoundCalls

  constructor(marks: Marks) {
    this.#marks = marks
    this.#start = `${marks.of('<|start|>')}assistant`
    this.#message = marks.of('<|message|>')
    this.#eom = marks.of('<|eom|>')
    this.#eot = marks.of('<|eot|>')
    this.#ends = [this.#eom, this.#eot]
    this.#calls = atemCalls(marks)
  }

  *read(input: Input, to: OutputParts, { opened, tools }: ReadOptions): Reading<void> {
    let said = false
    let end: string | null = opened ? yield* this.#readThought(input, to) : this.#eom
    while (end !== this.#eot && (yield* input.hasMore())) {
      const recipient = yield* this.#readRecipient(input, to, tools)
      if (recipient === null) return
      if (NOBODY.has(recipient) || tools === null) {
        const isAnswer = recipient !== 'self' && NOBODY.has(recipient)
        if (isAnswer && said) to.content('\n\n')
        end = isAnswer ? yield* this.#readAnswer(input, to) : yield* this.#readThought(input, to)
        said ||= isAnswer
      } else {
        yield* readCalls(input, to, { syntax: this.#calls, tools, trigger: '' })
        to.passes(this.#eom)
        yield* input.spaces()
        end = yield* input.until(this.#ends, (text) => input.isCut || to.content(text))
      }
      if (end === null) return
    }
    to.done()
  }

  thoughtAt(promptEnd: string): PromptThought {
    if (promptEnd.endsWith('to=self<|message|>')) return 'open'
    return promptEnd.endsWith('<|message|>') ? 'over' : 'free'
  }

  thoughtRule(): string {
    return this.#marks.literal(SELF + this.#message)
  }

  thoughtEndRule(): null {
    return null
  }

  afterThoughtRule(): string {
    return `( ${this.#marks.literal(this.#start)} )?`
  }

  contentRule(): string {
    return this.#marks.literal(USER + this.#message)
  }

  callsRule(rules: Rules, tools: readonly CallableTool[], parallel: boolean): string {
    const { begin, open, call } = this.#calls
    const calls = tools.map((tool) => {
      const header = rules.literal(` to=${tool.name}${this.#message}`)
      return `${header} ${rules.literal(begin + open)} ${call.rule(rules, tool)}`
    })
    const one = rules.add('call', calls.join(' | '))
    // A grammar knows an end token only at its end.
    if (!parallel || this.#marks.isEnd(this.#eom)) return one
    return `${one} ( ${rules.literal(this.#eom + this.#start)} ${one} )*`
  }

  written({ reasoning, text, opened }: SaidBefore): string {
    const thought = `${opened ? '' : SELF + this.#message}${reasoning}`
    const answer = `${USER}${this.#message}${text}`
    if (reasoning === '' && !opened) return text === '' ? '' : answer
    return text === '' ? thought : `${thought}${this.#eom}${this.#start}${answer}`
  }

  /** A message without a header is for the user. Null: the answer is over before its end. */
  *#readRecipient(
    input: Input,
    to: OutputParts,
    tools: ReadOptions['tools']
  ): Reading<string | null> {
    to.passes(this.#eom)
    const begins = [this.#start, 'assistant', 'to=', this.#message]
    const syntax = { message: this.#message, begins, marks: [this.#start, this.#message] }
    const header = yield* readHeader(input, syntax)
    if (header.kind !== 'header') return header.kind === 'cut' ? null : 'user'
    const recipient = /to=([\w.-]{1,128})/.exec(header.text)?.[1] ?? 'user'
    // The grammar of a call begins behind the role.
    const isCall = tools !== null && !NOBODY.has(recipient)
    if (isCall) to.certain(header.text.slice(header.text.indexOf(' to=')) + input.rest)
    return recipient
  }

  *#readThought(input: Input, to: OutputParts): Reading<string | null> {
    const thought = new HeldSpace((text) => to.thought(text))
    to.thinking(true)
    to.passes(this.#eom)
    yield* input.spaces()
    const end = yield* input.until(this.#ends, (text) => thought.push(text))
    if (end !== null) to.thinking(false)
    return end
  }

  *#readAnswer(input: Input, to: OutputParts): Reading<string | null> {
    to.passes(this.#eom)
    return yield* input.until(this.#ends, (text) => to.content(text))
  }
}

function atemCalls(marks: Marks): BoundCalls {
  const tags = {
    before: '',
    key: '<atem:parameter name="',
    value: '">',
    close: '</atem:parameter>\n',
    after: '</atem:invoke>\n</atem:function_calls>'
  }
  return {
    begin: `${CALLS}\n`,
    open: '<atem:invoke name="',
    close: '',
    between: '',
    end: '',
    trigger: '',
    call: sequence(toolName(), literal('">\n'), taggedArguments(tags, marks))
  }
}
