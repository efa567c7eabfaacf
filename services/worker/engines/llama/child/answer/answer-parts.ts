/**
 * The parts of one answer: its text, its thoughts and its tool calls, read out of what the model
 * writes by the model's own format; and what the next token must fit. All of it follows from the
 * tokens alone. Whoever resumes the answer gives it the same tokens and is in the same place, also
 * in the middle of a call.
 */
import { createHash } from 'node:crypto'
import { TOOL_CALLS_MAX } from '#shared/contracts/inference/tool-calls-max.ts'
import type { ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import type { GrammarState, Grammars } from '../grammar.ts'
import type { Token } from '../vocabulary.ts'
import { Input, type Reading } from '../format/input.ts'
import type { Marks } from '../format/marks.ts'
import type {
  BoundFormat,
  CallableTool,
  OutputParts,
  PromptThought
} from '../format/output-format.ts'
import { GrammarRules } from '../format/rules.ts'
import type { Detokenize } from './token-text.ts'

/** What the next token must fit. `noEnd`: anything but the end of the answer. */
type Constraint = 'free' | 'noEnd' | GrammarState

/**
 * The answer has to be calls, or a text that a grammar describes, once the thoughts are over. Where
 * there are tools, such a text may be calls instead.
 */
export type Forced = { kind: 'calls' } | { kind: 'text'; grammar: string }

export interface AnswerPartsOptions {
  format: BoundFormat
  marks: Marks
  grammars: Pick<Grammars, 'compile'>
  /** True for the tokens that end answers. */
  isEnd: (token: Token) => boolean
  /** What of a thought stands before the answer. */
  thought: PromptThought
  tools: readonly CallableTool[] | null
  parallel: boolean
  forced: Forced | null
  /** The ids of calls follow from it, so that they are the same wherever the answer is resumed. */
  promptTokens: readonly Token[]
}

export class AnswerParts implements OutputParts {
  readonly #options: AnswerPartsOptions
  readonly #input = new Input()
  readonly #reading: Reading<void>
  readonly #idOf: (index: number) => string
  #constraint: Constraint = 'free'
  #unending: GrammarState | undefined
  #content = ''
  #thought = ''
  #deltas: ToolCallDelta[] = []
  #calls = 0
  #complete = 0
  #isThinking = false
  #isCalling: boolean
  #hasThought = false
  #passing = ''
  #isDone = false

  /** Throws when the grammar of the answer is impossible. */
  constructor(options: AnswerPartsOptions) {
    this.#options = options
    this.detokenize = (tokens, before) => options.marks.read(tokens, before)
    this.#idOf = callIds(options.promptTokens)
    this.#isCalling = options.forced?.kind === 'calls'
    const { format, tools, thought } = options
    const opened = thought === 'open'
    const byName = tools === null ? null : new Map(tools.map((tool) => [tool.name, tool]))
    if (tools !== null) this.#compile(this.#callsGrammar())
    const isForced = options.forced !== null && !opened
    if (isForced) this.#constraint = this.#compile(this.#forcedGrammar(true))
    const mustCall = options.forced?.kind === 'calls'
    const isEnd = (sign: string) => {
      const token = options.marks.tokenOf(sign)
      return token !== undefined && options.isEnd(token)
    }
    this.#reading = format.read(this.#input, this, { opened, tools: byName, mustCall, isEnd })
    this.#step()
  }

  /** The grammar that the next token must fit, if any. */
  get grammar(): GrammarState | undefined {
    if (this.#constraint === 'free') return undefined
    if (this.#constraint !== 'noEnd') return this.#constraint
    this.#unending ??= this.#compile(UNENDING)
    return this.#unending
  }

  get isThinking(): boolean {
    return this.#isThinking
  }

  /** True when a call is whole. */
  get hasCalls(): boolean {
    return this.#complete > 0
  }

  /** True when nothing can follow. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** The text of tokens, as the reader takes it. */
  readonly detokenize: Detokenize

  /** True where an end token of the model ends a part of the answer, and not the answer. */
  isInner(token: Token): boolean {
    const sign = this.#options.marks.signOf(token)
    return sign !== undefined && this.#passing.includes(sign)
  }

  /** Takes the next piece of what the model writes and returns the text of the answer in it. */
  push(piece: string): string {
    if (piece !== '') {
      this.#input.push(piece)
      this.#step()
    }
    return this.#takeContent()
  }

  /** The model writes no more: returns the text that was held back. `isCut`: it had to stop. */
  flush(isCut = false): string {
    this.#input.end(isCut)
    this.#step()
    return this.#takeContent()
  }

  takeDeltas(): ToolCallDelta[] {
    const deltas = this.#deltas
    this.#deltas = []
    return deltas
  }

  takeThought(): string {
    const thought = this.#thought
    this.#thought = ''
    return thought
  }

  // What the reader finds.

  thinking(is: boolean, begun = ''): void {
    this.#isThinking = is
    if (is && this.#hasThought) this.#thought += '\n'
    this.#hasThought ||= is
    if (this.#options.forced === null) return
    if (is) this.#constraint = 'noEnd'
    else this.#follow(this.#forcedGrammar(false), begun + this.#input.rest)
  }

  thought(text: string): void {
    this.#thought += this.#options.marks.hidden(text)
  }

  content(text: string): void {
    // Under a grammar of calls, a text can only be the beginning of a mark that was cut off.
    if (this.#isCalling) return
    this.#content += this.#options.marks.hidden(text)
  }

  certain(since: string): void {
    if (this.#constraint !== 'free') return
    this.#follow(this.#callsGrammar(), since)
    this.#isCalling = typeof this.#constraint === 'object'
  }

  call(name: string): void {
    const index = this.#calls++
    this.#deltas.push({ index, id: this.#idOf(index), name, arguments: '' })
  }

  arguments(json: string): void {
    const index = this.#calls - 1
    const text = this.#options.marks.spelled(json)
    const last = this.#deltas.at(-1)
    if (last?.index === index) last.arguments = (last.arguments ?? '') + text
    else if (text !== '') this.#deltas.push({ index, arguments: text })
  }

  callEnd(complete: boolean): void {
    if (complete) this.#complete++
  }

  get takesCalls(): boolean {
    return this.#calls < (this.#options.parallel ? TOOL_CALLS_MAX : 1)
  }

  passes(signs: string): void {
    this.#passing = signs
  }

  done(): void {
    this.#isDone = true
  }

  #step(): void {
    this.#reading.next()
  }

  #takeContent(): string {
    const content = this.#content
    this.#content = ''
    return content
  }

  /** `fresh`: no thought was written yet, so one may come first. */
  #forcedGrammar(fresh: boolean): string {
    const { format, forced, thought, tools } = this.#options
    const rules = new GrammarRules(this.#options.marks)
    const calls = tools === null ? '' : this.#callsRule(rules)
    const text = forced?.kind === 'text' ? this.#textRule(rules, forced.grammar) : ''
    const wanted = [calls, text].filter((rule) => rule !== '').join(' | ')
    if (!fresh) return rules.withRoot(`${format.afterThoughtRule()} ( ${wanted} )`)
    const space = forced?.kind === 'calls' ? '[ \\n]{0,4}' : ''
    if (thought !== 'free') return rules.withRoot(`${space} ( ${wanted} )`)
    // Some models write the end of a thought where they have none.
    const [begin, end] = [format.thoughtRule(), format.thoughtEndRule()]
    const plain = `${end === null ? '' : `( ${end} )?`} ${space} ( ${wanted} )`
    return rules.withRoot(begin === null ? plain : `${begin} | ${plain}`)
  }

  #textRule(rules: GrammarRules, grammar: string): string {
    const before = this.#options.format.contentRule()
    const text = rules.addGrammar('answer', grammar)
    return before === '' ? text : `( ${before} )? ${text}`
  }

  #callsGrammar(): string {
    const rules = new GrammarRules(this.#options.marks)
    return rules.withRoot(this.#callsRule(rules))
  }

  #callsRule(rules: GrammarRules): string {
    const { format, tools, parallel } = this.#options
    return format.callsRule(rules, tools ?? [], parallel)
  }

  /** Text that fits no grammar, as from another model's attempt, is read as it is. */
  #follow(grammar: string, since: string): void {
    const state = this.#compile(grammar)
    for (const token of this.#options.marks.tokenize(since)) {
      if (!state.allows(token)) {
        this.#constraint = 'free'
        return
      }
      state.accept(token)
    }
    this.#constraint = state
  }

  #compile(grammar: string): GrammarState {
    return this.#options.grammars.compile(grammar).begin()
  }
}

function callIds(promptTokens: readonly Token[]): (index: number) => string {
  const prompt = createHash('sha256').update(Uint32Array.from(promptTokens)).digest()
  return (index) => {
    const hash = createHash('sha256').update(prompt).update(String(index)).digest('hex')
    return `call_${hash.slice(0, ID_DIGITS)}`
  }
}

const ID_DIGITS = 24
const UNENDING = 'root ::= [^\\x00]* [\\x00]'
