/**
 * One answer while it is written: its tokens, the text that may be shown, and its end. All of it
 * follows from the tokens alone, so an answer that is resumed from its tokens is in the state of
 * the one that broke off, up to a half character or half a stop text.
 */
import type { FinishReason, ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import type { GrammarState } from '../grammar.ts'
import type { ReasoningMarks } from '../prompt/prompt.ts'
import type { Token } from '../vocabulary.ts'
import { JsonEnd } from './json-end.ts'
import { ReasoningSplitter } from './reasoning.ts'
import { StopMatcher } from './stop-matcher.ts'
import { TokenText, type Detokenize } from './token-text.ts'
import type { ToolCalls } from './tool-calls.ts'

export interface AnswerLimits {
  promptTokens: readonly Token[]
  maxTokens: number
  contextTokens: number
  stopTexts: readonly string[]
  isEnd: (token: Token) => boolean
  detokenize: Detokenize
  /** True when the answer is one JSON object and ends with it. */
  json?: boolean
  reasoning?: { marks: ReasoningMarks; opened: boolean }
  /** The tool calls of this answer only, because they have a state. */
  tools?: ToolCalls
}

export class Answer {
  readonly tokens: Token[] = []
  readonly #limits: AnswerLimits
  readonly #text: TokenText
  readonly #reasoning: ReasoningSplitter
  readonly #jsonEnd: JsonEnd | null
  readonly #stops: StopMatcher
  #thought = ''
  #finishReason: FinishReason | null = null

  constructor(limits: AnswerLimits) {
    this.#limits = limits
    this.#text = new TokenText(limits.detokenize, limits.promptTokens)
    this.#reasoning = new ReasoningSplitter(
      limits.reasoning?.marks ?? null,
      limits.reasoning?.opened
    )
    this.#jsonEnd = limits.json === true ? new JsonEnd() : null
    this.#stops = new StopMatcher(limits.stopTexts)
    this.#watchThought()
  }

  get finishReason(): FinishReason | null {
    return this.#finishReason
  }

  /** Takes the next token and returns the text that it adds. */
  push(token: Token): string {
    this.tokens.push(token)
    if (this.#limits.isEnd(token)) return this.#finish('stop', '')

    const fresh = this.#withoutCalls(this.#withoutThought(this.#text.push(token)))
    const end = this.#jsonEnd?.push(fresh) ?? -1
    const text = this.#stops.push(end === -1 ? fresh : fresh.slice(0, end))
    const isOver = this.#stops.stopped || end !== -1 || this.#limits.tools?.isDone === true
    if (isOver) return this.#finish('stop', text)
    return this.#isFull() ? this.#finish('length', text) : text
  }

  /** Takes a token that another attempt has drawn. */
  replay(token: Token): void {
    const { grammar } = this
    this.push(token)
    if (grammar !== undefined) this.#limits.tools?.replay(grammar, token)
  }

  /** The grammar that the next token of a tool call must fit. */
  get grammar(): GrammarState | undefined {
    return this.#limits.tools?.grammar
  }

  /** Takes the parts of tool calls that came since the last time. */
  takeToolCalls(): ToolCallDelta[] {
    return this.#limits.tools?.takeDeltas() ?? []
  }

  /** Takes the reasoning that came since the last time. */
  takeReasoning(): string {
    const thought = this.#thought
    this.#thought = ''
    return thought
  }

  #withoutThought(piece: string): string {
    const { reasoning, text } = this.#reasoning.push(piece)
    this.#thought += reasoning
    this.#watchThought()
    return text
  }

  #watchThought(): void {
    if (!this.#reasoning.isThinking) this.#limits.tools?.begin()
  }

  #withoutCalls(text: string): string {
    return this.#limits.tools?.push(text) ?? text
  }

  #isFull(): boolean {
    const { maxTokens, promptTokens, contextTokens } = this.#limits
    const used = promptTokens.length + this.tokens.length
    return this.tokens.length >= maxTokens || used >= contextTokens
  }

  /** Held-back text comes with the last token, so that a resume after it has nothing to add. */
  #finish(reason: FinishReason, text: string): string {
    this.#finishReason = reason
    if (this.#stops.stopped) return text
    const last = this.#withoutThought(this.#text.flush())
    const held = this.#reasoning.flush()
    this.#thought += held.reasoning
    const outside = this.#withoutCalls(last + held.text) + (this.#limits.tools?.flush() ?? '')
    const rest = this.#stops.push(outside)
    if (this.#stops.stopped) this.#finishReason = 'stop'
    else if (reason === 'stop' && this.#limits.tools?.hasCalls) this.#finishReason = 'toolCalls'
    return text + rest + this.#stops.flush()
  }
}
