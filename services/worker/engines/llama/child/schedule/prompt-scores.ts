/**
 * How likely each token of a prompt was after those before it. Evaluations ask for it. A prompt
 * whose tokens are to be told is read from its first token on and in small pieces: the logits of
 * each of its tokens need memory, and what is told waits for its reader.
 */
import type { PromptToken } from '#shared/contracts/inference/answer.ts'
import { promptToken } from '../answer/token-logprobs.ts'
import { TokenText, type Detokenize } from '../answer/token-text.ts'
import type { Scored, ScoreOptions } from '../driver.ts'
import type { Token } from '../vocabulary.ts'

export interface ScoresWanted {
  /** The number of likely tokens beside each. */
  topLogprobs: number
  /** Tokens that another attempt has told already. */
  told: number
  /** As completion APIs show a prompt: with the marks that it spells. */
  detokenize: Detokenize
  /** The first token was put before the caller's text, and is none of it. */
  beginsWithBos: boolean
}

export class PromptScores {
  readonly #tokens: readonly Token[]
  readonly #wanted: ScoresWanted
  readonly #text: TokenText
  #read = 0

  constructor(tokens: readonly Token[], wanted: ScoresWanted) {
    this.#tokens = tokens
    this.#wanted = wanted
    this.#text = new TokenText(wanted.detokenize, wanted.beginsWithBos ? tokens.slice(0, 1) : [])
  }

  /** What is asked of the next piece: nothing follows the last token of the prompt yet. */
  next(pieceTokens: number): ScoreOptions {
    const from = this.#read + 1
    const { topLogprobs } = this.#wanted
    return { following: this.#tokens.slice(from, from + pieceTokens), topLogprobs }
  }

  /** The piece has been read; returns what is new to the caller. */
  take(pieceTokens: number, scores: readonly Scored[]): PromptToken[] {
    const first = this.#read === 0 ? [this.#entry(0, null)] : []
    const rest = scores.map((score, i) => this.#entry(this.#read + 1 + i, score))
    const entries = [...first, ...rest]
    const before = this.#read === 0 ? 0 : this.#read + 1
    this.#read += pieceTokens
    return entries.slice(Math.max(0, this.#wanted.told - before))
  }

  #entry(at: number, score: Scored | null): PromptToken {
    const { detokenize, beginsWithBos } = this.#wanted
    const token = this.#tokens[at]!
    const entry = promptToken(token, score, (id) => detokenize([id], this.#tokens.slice(0, at)))
    if (at === 0 && beginsWithBos) return { ...entry, text: '' }
    const isLast = at === this.#tokens.length - 1
    const text = this.#text.push(token) + (isLast ? this.#text.flush() : '')
    return text === entry.token ? entry : { ...entry, text }
  }
}
