/**
 * The form of nearly all families: text, with marks around thoughts, around calls, and in a few
 * families around the answer itself.
 */
import type { Input, Reading } from './input.ts'
import type { Marks } from './marks.ts'
import { MarkedReader } from './marked-reader.ts'
import type {
  BoundCalls,
  BoundFormat,
  CallableTool,
  CallSyntax,
  OutputFormat,
  OutputParts,
  PromptThought,
  ReadOptions,
  Rules,
  SaidBefore,
  ThoughtMarks
} from './output-format.ts'

interface MarkedSyntax {
  name: string
  /** False where the model is not known to think; a thought is read even so. */
  reasons: boolean
  thoughts: readonly ThoughtMarks[]
  /** Marks around the answer. The first begins it. None of them is shown. */
  content?: readonly string[]
  calls: CallSyntax | null
}

export function markedFormat(syntax: MarkedSyntax): OutputFormat {
  return {
    name: syntax.name,
    reasons: syntax.reasons,
    calls: syntax.calls !== null,
    bind: (marks) => new MarkedFormat(syntax, marks)
  }
}

class MarkedFormat implements BoundFormat {
  readonly #marks: Marks
  readonly #plain: MarkedSyntax
  readonly #thoughts: readonly Required<ThoughtMarks>[]
  readonly #content: readonly string[]
  readonly #calls: BoundCalls | null

  constructor(syntax: MarkedSyntax, marks: Marks) {
    this.#marks = marks
    this.#plain = syntax
    this.#thoughts = syntax.thoughts.map(({ begin, end, after = '' }) => {
      return { begin: marks.of(begin), end: marks.of(end), after: marks.of(after) }
    })
    this.#content = (syntax.content ?? []).map((mark) => marks.of(mark))
    this.#calls = syntax.calls === null ? null : bindCalls(syntax.calls, marks)
  }

  read(input: Input, to: OutputParts, options: ReadOptions): Reading<void> {
    const calls = options.tools === null ? null : this.#calls
    const syntax = { thoughts: this.#thoughts, content: this.#content, calls }
    return new MarkedReader(input, to, { ...options, syntax, marks: this.#marks }).read()
  }

  thoughtAt(promptEnd: string): PromptThought {
    const text = promptEnd.trimEnd()
    const endsWith = (mark: string) => text.endsWith(mark.trim())
    const { thoughts } = this.#plain
    if (thoughts.some(({ begin }) => endsWith(begin))) return 'open'
    return thoughts.some(({ end, after = '' }) => endsWith(end + after)) ? 'over' : 'free'
  }

  thoughtRule(): string | null {
    if (!this.#plain.reasons) return null
    return this.#thoughts.map(({ begin }) => this.#marks.literal(begin)).join(' | ')
  }

  thoughtEndRule(): string | null {
    if (this.#thoughts.length === 0) return null
    return this.#thoughts.map(({ end }) => this.#marks.literal(end)).join(' | ')
  }

  afterThoughtRule(): string {
    const after = this.#thoughts.find((thought) => thought.after !== '')?.after
    return after === undefined ? '[ \\n]{0,4}' : `( ${this.#marks.literal(after)} )?`
  }

  contentRule(): string {
    const [begin] = this.#content
    return begin === undefined ? '' : this.#marks.literal(begin)
  }

  callsRule(rules: Rules, tools: readonly CallableTool[], parallel: boolean): string {
    const { begin, open, close, between, end, call } = this.#calls!
    const text = (mark: string) => (mark === '' ? '' : rules.literal(mark))
    const one = rules.add('call', tools.map((tool) => call.rule(rules, tool)).join(' | '))
    const whole = words(text(open), one, text(close))
    const more = parallel && between !== null ? `( ${words(text(between), whole)} )*` : ''
    const [answer, answerEnd] = this.#content
    // An answer without a word may come before (Kimi-K3).
    const none = answerEnd === undefined ? '' : `( ${text(answer!)} ${text(answerEnd)} )?`
    return words(none, text(begin), whole, more, text(end))
  }

  written({ reasoning, text, opened }: SaidBefore): string {
    const [marks] = this.#thoughts
    const [begin = ''] = this.#content
    const answer = text === '' ? '' : begin + text
    const hasThought = opened || reasoning !== ''
    if (marks === undefined || !hasThought) return answer
    const thought = `${opened ? '' : marks.begin}${reasoning === '' ? '' : `\n${reasoning}`}`
    return answer === '' ? thought : `${thought}\n${marks.end}${marks.after || '\n\n'}${answer}`
  }
}

function bindCalls(calls: CallSyntax, marks: Marks): BoundCalls {
  const { between } = calls
  return {
    begin: marks.of(calls.begin),
    open: marks.of(calls.open),
    close: marks.of(calls.close),
    between: between === null ? null : marks.of(between),
    end: marks.of(calls.end),
    trigger: marks.of(calls.trigger),
    lateTriggers: (calls.lateTriggers ?? []).map((mark) => marks.of(mark)),
    call: calls.call(marks)
  }
}

const words = (...parts: string[]) => parts.filter((part) => part !== '').join(' ')
