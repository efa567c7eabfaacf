/**
 * Decides whose turn the next step is, that of the answers being written or that of the prompts
 * being read, and how much of a prompt is read in it. A step ends for all slots at once, so while a
 * piece of a prompt is read no answer goes on.
 *
 * For each millisecond that a step of answers takes, prompts earn a little more than one: beside a
 * prompt that arrives, however long, answers come at nearly half their speed at worst, and the
 * prompt is read in less than twice the time that it takes alone. What is earned is saved up and
 * spent at once. Read in small pieces between all tokens, a long prompt would take three times as
 * long (llama.cpp computes attention in tiles), and pieces of a tile's size would hold up every
 * token by six; so an answer is held up for longer, but for one token in twenty-five only. Where a
 * tile takes no longer than a step of answers, because there are many of them, prompts are read
 * between all tokens, a piece at a time.
 *
 * Where many prompts wait, most of the time is theirs: what they wait for is a slot in the same
 * step. A prompt that what is saved suffices for is read at once.
 */
export interface StepCost {
  /** Answers that wait for their next token. */
  writing: number
  /** Prompts that wait to be read, and the tokens that they still have together. */
  reading: number
  readingTokens: number
  /** The duration of a step for all that are written. */
  decodeStepMs: number
  /** The duration of a step for one: what any step takes at least. */
  leastStepMs: number
  prefillTokensPerSecond: number
}

export class PromptBudget {
  /** The time that prompts may take from answers; negative after a piece that took too long. */
  #savedMs = PAUSE_MS_MAX
  #spending = false
  /** No answer has gone on since the last piece. */
  #pieceRead = false

  /** The prompt tokens of the next step; 0 when it is the answers' turn. */
  next(cost: StepCost): number {
    const { writing, reading, prefillTokensPerSecond } = cost
    const tokensIn = (ms: number) => Math.floor((ms / 1000) * prefillTokensPerSecond)
    if (reading === 0) return 0
    if (writing === 0) return bounded(Math.max(TILE_TOKENS, tokensIn(PROMPT_STEP_MS)))
    const enoughMs = this.#spending ? leastMs(cost) : pauseMs(cost)
    this.#spending = this.#savedMs >= enoughMs
    if (!this.#spending || (this.#pieceRead && isSmooth(cost))) return 0
    if (isSmooth(cost)) return Math.min(PROMPT_STEP_TOKENS_MAX, tokensIn(shortMs(cost)))
    return bounded(tokensIn(Math.min(Math.max(PROMPT_STEP_MS, tileMs(cost)), this.#savedMs)))
  }

  /** Credits prompts for a step of answers, whether or not one waits. */
  earned(cost: StepCost): void {
    const most = Math.max(PAUSE_MS_MAX, pauseMs(cost))
    this.#pieceRead = false
    this.#savedMs = Math.min(most, this.#savedMs + earnedMs(cost) * Math.max(1, cost.reading))
  }

  /** Charges the time that a piece has taken from the answers that wait for their next token. */
  spent(ms: number): void {
    this.#savedMs -= ms
    this.#pieceRead = true
  }
}

const earnedMs = ({ decodeStepMs }: StepCost): number =>
  Math.max(decodeStepMs, UNNOTICED_MS) * EARNED_SHARE

const msOf = (tokens: number, { prefillTokensPerSecond }: StepCost): number =>
  (tokens / prefillTokensPerSecond) * 1000

/** The time to save before an answer is held up. */
function pauseMs(cost: StepCost): number {
  const rareMs = Math.min(PAUSE_MS_MAX, earnedMs(cost) * PAUSE_EVERY_STEPS)
  const aPauseMs = isSmooth(cost) ? tileMs(cost) : Math.max(tileMs(cost), rareMs)
  return Math.min(msOf(cost.readingTokens, cost), aPauseMs)
}

/** True when a piece between each two tokens is as good as a large one, and takes no longer. */
function isSmooth(cost: StepCost): boolean {
  const { reading, decodeStepMs, leastStepMs } = cost
  const isCheap = leastStepMs <= decodeStepMs * CHEAP_SHARE
  return reading === 1 && isCheap && tileMs(cost) <= shortMs(cost)
}

const shortMs = ({ decodeStepMs }: StepCost): number => decodeStepMs * SMOOTH_SHARE

const tileMs = (cost: StepCost): number => Math.min(TILE_MS_MAX, msOf(TILE_TOKENS, cost))

/** What is left of it when it is the answers' turn again: less than is worth a piece. */
const leastMs = (cost: StepCost): number =>
  msOf(Math.min(TILE_TOKENS / 2, cost.readingTokens), cost)

function bounded(tokens: number): number {
  if (tokens < TILE_TOKENS / 2) return Math.max(PROMPT_STEP_TOKENS_MIN, tokens)
  const tiles = Math.round(tokens / TILE_TOKENS)
  return Math.min(PROMPT_STEP_TOKENS_MAX, tiles * TILE_TOKENS)
}

/** However many wait: between two steps is the only place to join. */
const PROMPT_STEP_MS = 250
/** The time of prompts for each millisecond of answers. */
const EARNED_SHARE = 1.25
/** Less than is earned, because pieces take longer the further a prompt is read. */
const SMOOTH_SHARE = 1.15
/** Small pieces are as good as large ones while beginning a step is so small a part of it. */
const CHEAP_SHARE = 0.25
const PAUSE_EVERY_STEPS = 26
/** Nobody waits longer than that for the next token, unless a tile takes so long. */
const PAUSE_MS_MAX = 1_000
/** A machine that takes longer for a tile reads smaller pieces. */
const TILE_MS_MAX = 2_000
/** Answers that come faster than 80 tokens a second are held up as if they did not. */
const UNNOTICED_MS = 12
/**
 * llama.cpp computes attention on the CPU in tiles of so many tokens, from the first whole one on:
 * 64 tokens after 2,000 others take less time than 32.
 */
const TILE_TOKENS = 64
const PROMPT_STEP_TOKENS_MIN = 2
/** Also the batch that llama.cpp is asked to allocate. */
export const PROMPT_STEP_TOKENS_MAX = 512
