/**
 * One answer while it is written: its tokens, the text that may be shown, and its end. All of it
 * follows from the tokens alone, so an answer that is resumed from its tokens is in the state of
 * the one that broke off, up to a half character or half a stop text.
 */
import type { FinishReason, ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { GrammarState } from '../grammar.ts'
import type { Token } from '../vocabulary.ts'
import type { AnswerParts } from './answer-parts.ts'
import { JsonEnd } from './json-end.ts'
import { StopMatcher } from './stop-matcher.ts'
import { TokenText, type Detokenize } from './token-text.ts'

export interface AnswerLimits {
  promptTokens: readonly Token[]
  maxTokens: number
  contextTokens: number
  stopTexts: readonly string[]
  /** The first tokens that the caller has written: no stop text is looked for in them. */
  begunTokens?: number
  /** True where the caller's text ends in a space that the model writes again. */
  repeatsSpace?: boolean
  isEnd: (token: Token) => boolean
  detokenize: Detokenize
  /** True when the answer is one JSON value and ends with it. */
  json?: boolean
  /** The reader of this answer only, because it has a state; absent: the answer is all text. */
  parts?: AnswerParts
}

export class Answer {
  readonly tokens: Token[] = []
  readonly #limits: AnswerLimits
  readonly #text: TokenText
  readonly #jsonEnd: JsonEnd | null
  readonly #stops: StopMatcher
  #dropsSpace: boolean
  #reasoningTokens = 0
  #finishReason: FinishReason | null = null

  constructor(limits: AnswerLimits) {
    this.#limits = limits
    const { parts, detokenize, promptTokens, repeatsSpace = false } = limits
    this.#dropsSpace = repeatsSpace
    this.#text = new TokenText(parts?.detokenize ?? detokenize, promptTokens)
    this.#jsonEnd = limits.json === true ? new JsonEnd() : null
    this.#stops = new StopMatcher(limits.stopTexts)
    if (limits.maxTokens <= 0) this.#finishReason = 'length'
  }

  /** The caller's stop text that ended the answer. */
  get stopText(): string | null {
    const { found } = this.#stops
    return found
  }

  get finishReason(): FinishReason | null {
    return this.#finishReason
  }

  /** The number of tokens that the model thought, with their marks. */
  get reasoningTokens(): number {
    return this.#reasoningTokens
  }

  /** The grammar that the next token must fit, if any. */
  get grammar(): GrammarState | undefined {
    return this.#limits.parts?.grammar
  }

  /** Takes the next token and returns the text that it adds. */
  push(token: Token): string {
    const { parts, isEnd, begunTokens = 0 } = this.#limits
    const isBegun = this.tokens.push(token) <= begunTokens
    if (isEnd(token) && parts?.isInner(token) !== true) return this.#finish('stop', '')

    const isThought = this.#isThinking
    const fresh = this.#read(this.#text.push(token))
    if ((isThought || this.#isThinking) && !isBegun) this.#reasoningTokens++
    const end = this.#jsonEnd?.push(fresh) ?? -1
    const shown = end === -1 ? fresh : fresh.slice(0, end)
    const text = isBegun ? shown : this.#stops.push(this.#withoutRepeat(shown))
    if (this.#stops.stopped || end !== -1 || parts?.isDone === true)
      return this.#finish('stop', text)
    return this.#isFull() ? this.#finish('length', text) : text
  }

  /** Takes a token that another attempt has drawn. */
  replay(token: Token): void {
    const { grammar } = this
    const { isEnd, json = false } = this.#limits
    if (grammar !== undefined && !isEnd(token)) follow(grammar, token, json)
    this.push(token)
  }

  /** Takes the parts of tool calls that came since the last time. */
  takeToolCalls(): ToolCallDelta[] {
    return this.#limits.parts?.takeDeltas() ?? []
  }

  /** Takes the reasoning that came since the last time. */
  takeReasoning(): string {
    return this.#limits.parts?.takeThought() ?? ''
  }

  get #isThinking(): boolean {
    return this.#limits.parts?.isThinking === true
  }

  #read(piece: string): string {
    return this.#limits.parts?.push(piece) ?? piece
  }

  #withoutRepeat(text: string): string {
    if (!this.#dropsSpace || text === '') return text
    this.#dropsSpace = false
    return text.startsWith(' ') ? text.slice(1) : text
  }

  #isFull(): boolean {
    const { maxTokens, promptTokens, contextTokens } = this.#limits
    const used = promptTokens.length + this.tokens.length
    return this.tokens.length >= maxTokens || used >= contextTokens
  }

  /** Held-back text comes with the last token, so that a resume after it has nothing to add. */
  #finish(reason: FinishReason, text: string): string {
    const { parts } = this.#limits
    this.#finishReason = reason
    if (this.#stops.stopped) return text
    const last = this.#read(this.#text.flush()) + (parts?.flush(reason === 'length') ?? '')
    const isShown = this.#jsonEnd === null || reason === 'length'
    const rest = isShown ? this.#stops.push(this.#withoutRepeat(last)) : ''
    if (this.#stops.stopped) this.#finishReason = 'stop'
    else if (reason === 'stop' && parts?.hasCalls === true) this.#finishReason = 'toolCalls'
    return text + rest + this.#stops.flush()
  }
}

/** A token that does not fit would leave the grammar in no state at all. */
function follow(state: GrammarState, token: Token, isJson: boolean): void {
  if (state.allows(token)) return state.accept(token)
  const form = isJson ? 'in this response format' : 'with these tools'
  throw new HaifError(
    'VALIDATION_FAILED',
    `the answer to go on with is not the beginning of one ${form}`,
    { details: { param: isJson ? 'responseFormat' : 'tools' } }
  )
}
