/**
 * What computes a model: its slots, each with a cache of the tokens that it has read. The scheduler
 * decides what a step computes; the driver computes it. There are two, one that calls llama.cpp
 * itself and one on `node-llama-cpp`.
 */
import type { Sampling } from '#shared/contracts/inference/request.ts'
import type { GrammarState } from './grammar.ts'
import type { ThreadCounts } from './schedule/thread-choice.ts'
import type { Token } from './vocabulary.ts'

export interface Driver {
  readonly slots: number
  /**
   * True when the driver sees the model's own logits: it then reports logprobs of any answer, and
   * can bias end tokens.
   */
  readonly seesLogits: boolean
  /** Counts from the next step on. Absent where threads cannot be changed, or do not compute. */
  setThreads?(counts: ThreadCounts): void
  /** The number of tokens in the slot's cache. */
  cachedTokens(slot: number): number
  /** The number of tokens that the slot's cache and `tokens` have in common at their start. */
  sharedTokens(slot: number, tokens: readonly Token[]): number
  /**
   * Cuts the slot's cache to what it shares with `tokens`, or to less where a model's state cannot
   * be cut at any place. Resolves to the number of tokens that are left.
   */
  keepShared(slot: number, tokens: readonly Token[]): Promise<number>
  /** Resolves to true when the target holds exactly the source's first `tokens` tokens. */
  copyPrefix(target: number, source: number, tokens: number): Promise<boolean>
  clear(slot: number): Promise<void>
  /** Begins to draw an answer in the slot, whose prompt is computed in the same step. */
  draw(slot: number, options: DrawOptions): Drawing
  /**
   * Computes one step, and draws where a part asks for it; one outcome for each part. A step in
   * which `onlyRequest` alone is read may be broken off when that is cancelled.
   */
  compute(parts: readonly Part[], onlyRequest?: number): Promise<Outcome[]>
}

/** What one slot adds to a step; slots are in ascending order. */
export interface Part {
  slot: number
  tokens: readonly Token[]
  /** Null while the prompt goes on. */
  drawing: Drawing | null
  /** The logprobs of the prompt's tokens are asked for. */
  score?: ScoreOptions
}

/**
 * A part that is scored has no more tokens: for each of them there are logits of a whole
 * vocabulary, 19 MB for these with 150,000 tokens.
 */
export const SCORED_TOKENS_MAX = 32

export interface ScoreOptions {
  /** The token behind each of the part's tokens; behind the last one there may be none. */
  following: readonly Token[]
  topLogprobs: number
}

/** How likely one of the following tokens was, and the likeliest in its place. */
export interface Scored {
  logprob: number
  top: LikelyToken[]
}

/**
 * A part fails alone; null where nothing was to be drawn or scored. Of a step that was broken off
 * nothing is left, and whoever still wants it makes it again.
 */
export type Outcome = Drawn | Read | { error: unknown } | { brokenOff: true } | null

/** A part of a prompt was read, and scored. */
interface Read {
  scores: readonly Scored[]
}

export interface Drawn {
  token: Token
  /** With `topLogprobs` only. */
  logprob?: number
  top?: LikelyToken[]
  /** Where the part was to be scored. */
  scores?: readonly Scored[]
}

export type LikelyToken = [token: Token, logprob: number]

/** An answer being drawn; its memory is given back at the end. */
export interface Drawing {
  close(): Promise<void>
}

export interface DrawOptions {
  sampling: Sampling
  /** Added to the logits. */
  bias: ReadonlyMap<Token, number>
  promptTokens: readonly Token[]
  /** Grows while the answer is written. */
  answerTokens: readonly Token[]
  /** The grammar that the next token must fit, if any; the driver moves it on. */
  grammar: () => GrammarState | undefined
  /** The number of likely tokens to report beside each; without it there are no logprobs. */
  topLogprobs?: number
}
