/**
 * One answer while it is written: its tokens, what of their text may be shown, and whether it is
 * over. All of it follows from the tokens alone, so an answer that is resumed from its tokens is in
 * the state of the one that broke off, up to a half character or half a stop text.
 */
import type { Token } from 'node-llama-cpp'
import type { FinishReason } from '#shared/contracts/inference.ts'
import { StopMatcher } from './stop-matcher.ts'
import { TokenText, type Detokenize } from './token-text.ts'

export interface AnswerLimits {
  promptTokens: readonly Token[]
  maxTokens: number
  contextTokens: number
  stopTexts: readonly string[]
  isEnd: (token: Token) => boolean
  detokenize: Detokenize
}

export class Answer {
  readonly tokens: Token[] = []
  readonly #limits: AnswerLimits
  readonly #text: TokenText
  readonly #stops: StopMatcher
  #finishReason: FinishReason | null = null

  constructor(limits: AnswerLimits) {
    this.#limits = limits
    this.#text = new TokenText(limits.detokenize, limits.promptTokens)
    this.#stops = new StopMatcher(limits.stopTexts)
  }

  get finishReason(): FinishReason | null {
    return this.#finishReason
  }

  /** Takes the next token and returns the text that it adds. */
  push(token: Token): string {
    this.tokens.push(token)
    if (this.#limits.isEnd(token)) return this.#finish('stop', '')

    const text = this.#stops.push(this.#text.push(token))
    if (this.#stops.stopped) return this.#finish('stop', text)
    return this.#isFull() ? this.#finish('length', text) : text
  }

  #isFull(): boolean {
    const { maxTokens, promptTokens, contextTokens } = this.#limits
    const used = promptTokens.length + this.tokens.length
    return this.tokens.length >= maxTokens || used >= contextTokens
  }

  /** What was held back comes with the last token, so that a resume after it has nothing to add. */
  #finish(reason: FinishReason, text: string): string {
    this.#finishReason = reason
    if (this.#stops.stopped) return text
    const rest = this.#stops.push(this.#text.flush())
    if (this.#stops.stopped) this.#finishReason = 'stop'
    return text + rest + this.#stops.flush()
  }
}
