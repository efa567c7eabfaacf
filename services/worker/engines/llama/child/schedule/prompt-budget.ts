/**
 * Decides whose turn the next step is, that of the answers being written or that of the prompts
 * being read, and how much of a prompt is read in it. A step ends for all slots at once, so while a
 * piece of a prompt is read no answer goes on.
 *
 * For each millisecond that a step of answers takes, prompts earn one and a half: beside a prompt
 * that arrives, however long, answers come at two fifths of their speed at worst, and the prompt is
 * read in less than twice the time that it takes alone. It is spent in one of two ways.
 *
 * Smoothly, where a piece that takes little longer than a step of answers is worth its tokens: one
 * such piece between all tokens, and what is left over once in twenty-eight. In pauses, where small
 * pieces cost too much (llama.cpp computes attention on the CPU in tiles, and a step begins with
 * reading all weights): it is saved up, and answers are held up for longer, but for one token in
 * twenty-eight only. Which of the two it is follows from what pieces have cost.
 *
 * Where many prompts wait, most of the time is theirs: what they wait for is a slot in the same
 * step. A prompt that what is saved suffices for is read at once.
 */
import { PieceCosts, TILE_TOKENS } from './piece-costs.ts'

export interface StepCost {
  /** Answers that wait for their next token. */
  writing: number
  /** Prompts that wait to be read, and the tokens that they still have together. */
  reading: number
  readingTokens: number
  /** The tokens of the shortest of them. */
  shortestTokens: number
  /** The duration of a step for all that are written. */
  decodeStepMs: number
  /** The duration of a step for one: what any step takes at least. */
  leastStepMs: number
  /** What is known of prompts before the first one is read. */
  prefillTokensPerSecond: number
}

/** What is read of prompts in a step. */
export interface PromptTurn {
  /** 0 when it is the answers' turn. */
  tokens: number
  /** The shortest prompt alone is read, which would else wait for a pause. */
  onlyShortest: boolean
}

export class PromptBudget {
  /** The time that prompts may take from answers; negative after a piece that took too long. */
  #savedMs = PAUSE_MS
  /** What is left of the pause that answers are held up for; 0 between two pauses. */
  #pauseMs = 0
  #stepsSincePause = PAUSE_EVERY_STEPS
  /** What short prompts have taken since the last pause, in which all are read. */
  #shortMs = 0
  /** No answer has gone on since the last piece. */
  #pieceRead = false
  readonly #costs = new PieceCosts()

  next(cost: StepCost): PromptTurn {
    const onlyShortest = this.#isForShortest(cost)
    const tokens = onlyShortest
      ? Math.min(PROMPT_STEP_TOKENS_MAX, cost.shortestTokens)
      : this.#tokensOf(cost)
    return { tokens, onlyShortest }
  }

  #isForShortest(cost: StepCost): boolean {
    if (cost.writing === 0 || cost.reading < 2 || this.#pauseMs > 0 || this.#pieceRead) return false
    const ms = this.#msOf(cost.shortestTokens, cost)
    const isQuick = ms <= NOTICED_STEPS * stepMs(cost) && ms <= this.#savedMs
    const isShort = cost.shortestTokens * cost.reading * MUCH_SHORTER <= cost.readingTokens
    return isQuick && isShort && this.#shortMs <= SHORT_MS_MAX && !this.#isSmooth(cost)
  }

  #tokensOf(cost: StepCost): number {
    if (cost.reading === 0) {
      this.#costs.begin()
      this.#pauseMs = 0
      return 0
    }
    if (cost.writing === 0) {
      // Never less than a tile: smaller pieces cost more, and would make the next ones smaller.
      const tokens = Math.max(TILE_TOKENS, this.#largeTokensIn(PROMPT_STEP_MS, cost))
      return withoutRest(bounded(tokens), cost)
    }
    if (this.#pauseMs === 0 && this.#mayPause(cost)) this.#pauseMs = this.#pauseOf(cost)
    if (this.#pauseMs >= this.#leastMs(cost)) {
      const ms = Math.min(Math.max(PROMPT_STEP_MS, this.#tileMs(cost)), this.#pauseMs)
      return withoutRest(bounded(this.#largeTokensIn(ms, cost)), cost)
    }
    this.#pauseMs = 0
    if (this.#pieceRead || this.#savedMs < smoothMs(cost) / 2) return 0
    return this.#smoothTokens(cost)
  }

  /** Credits prompts for a step of answers, whether or not one waits. */
  earned(cost: StepCost): void {
    const most = Math.max(pauseMsMax(cost), this.#enoughMs(cost))
    this.#pieceRead = false
    this.#stepsSincePause++
    this.#savedMs = Math.min(most, this.#savedMs + earnedMs(cost) * Math.max(1, cost.reading))
  }

  /** Takes what a piece has cost; `writing`: answers waited for it. */
  read({ tokens, ms, writing }: { tokens: number; ms: number; writing: number }): void {
    this.#costs.record(tokens, ms)
    if (writing === 0) return
    this.#savedMs -= ms
    this.#pieceRead = true
    if (this.#pauseMs === 0) {
      this.#shortMs += ms
      return
    }
    this.#pauseMs = Math.max(NEXT_IS_OVER_MS, this.#pauseMs - ms)
    this.#stepsSincePause = 0
    this.#shortMs = 0
  }

  #mayPause(cost: StepCost): boolean {
    if (this.#pieceRead || this.#savedMs < this.#enoughMs(cost)) return false
    if (this.#smoothTokens(cost) >= TILE_TOKENS) return false // they are as good as any
    const allMs = this.#msOf(cost.readingTokens, cost)
    const isShort = allMs <= (this.#isSmooth(cost) ? NOTICED_STEPS * stepMs(cost) : this.#savedMs)
    return isShort || this.#stepsSincePause * cost.reading >= PAUSE_EVERY_STEPS
  }

  #pauseOf(cost: StepCost): number {
    const most = this.#isSmooth(cost) ? SMOOTH_PAUSE_STEPS * stepMs(cost) : Infinity
    return Math.min(this.#savedMs, Math.max(most, this.#tileMs(cost)))
  }

  /** The time to save before an answer is held up. */
  #enoughMs(cost: StepCost): number {
    const rareMs = Math.min(PAUSE_MS, earnedMs(cost) * PAUSE_EVERY_STEPS)
    const tileMs = this.#tileMs(cost)
    const aPauseMs = this.#isSmooth(cost) ? tileMs : Math.max(tileMs, rareMs)
    return Math.min(this.#msOf(cost.readingTokens, cost), aPauseMs)
  }

  /** True when a piece between each two tokens is worth its tokens. */
  #isSmooth(cost: StepCost): boolean {
    return this.#smoothTokens(cost) > 0
  }

  /** The tokens of a piece between all tokens; 0 where such a piece costs too much. */
  #smoothTokens(cost: StepCost): number {
    const ms = smoothMs(cost)
    // So much of the piece's time is that of beginning it.
    if (cost.leastStepMs > ms * BEGIN_SHARE_MAX) return 0
    const large = this.#largeTokensIn(ms, cost)
    if (large >= TILE_TOKENS) return wholeTiles(large)
    const small = Math.floor(ms / this.#costs.smallTokenMs(tokenMs(cost)))
    const isWorth = this.#costs.smallIsGood && small >= SMOOTH_TOKENS_MIN
    return isWorth ? Math.min(small, TILE_TOKENS - 1) : 0
  }

  #msOf(tokens: number, cost: StepCost): number {
    return tokens * this.#costs.largeTokenMs(tokenMs(cost))
  }

  #largeTokensIn(ms: number, cost: StepCost): number {
    return Math.floor(ms / this.#costs.largeTokenMs(tokenMs(cost)))
  }

  #tileMs(cost: StepCost): number {
    return Math.min(TILE_MS_MAX, this.#msOf(TILE_TOKENS, cost))
  }

  /** What is left of a pause when it is the answers' turn again: less than is worth a piece. */
  #leastMs(cost: StepCost): number {
    const halfMs = this.#tileMs(cost) / 2
    return Math.max(1, Math.min(halfMs, this.#msOf(cost.readingTokens, cost)))
  }
}

const tokenMs = ({ prefillTokensPerSecond }: StepCost): number => 1000 / prefillTokensPerSecond

const stepMs = ({ decodeStepMs }: StepCost): number => Math.max(decodeStepMs, UNNOTICED_MS)

const earnedMs = (cost: StepCost): number => stepMs(cost) * EARNED_SHARE

/**
 * What is earned between two pauses, so that none of it is lost where steps are long: there a
 * second would be the time of only a few tokens, and a long prompt would never be read.
 */
const pauseMsMax = (cost: StepCost): number =>
  Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS, earnedMs(cost) * PAUSE_EVERY_STEPS))

/** Longer where beginning a piece is most of it: twice a step of answers rather than pauses. */
function smoothMs(cost: StepCost): number {
  const heavyMs = Math.min(cost.leastStepMs * HEAVY_FACTOR, stepMs(cost) * HEAVY_SHARE_MAX)
  return Math.min(
    PROMPT_STEP_MS,
    Math.max(heavyMs, stepMs(cost) * SMOOTH_SHARE * Math.max(1, cost.reading))
  )
}

const wholeTiles = (tokens: number): number =>
  Math.min(PROMPT_STEP_TOKENS_MAX, Math.floor(tokens / TILE_TOKENS) * TILE_TOKENS)

function bounded(tokens: number): number {
  if (tokens < TILE_TOKENS / 2) return Math.max(PROMPT_STEP_TOKENS_MIN, tokens)
  const tiles = Math.round(tokens / TILE_TOKENS)
  return Math.min(PROMPT_STEP_TOKENS_MAX, tiles * TILE_TOKENS)
}

/** Less than a tile is not left behind, as it would take as long as several. */
function withoutRest(tokens: number, { readingTokens }: StepCost): number {
  const rest = readingTokens - tokens
  const isLast = rest > 0 && rest < TILE_TOKENS && tokens >= TILE_TOKENS
  return isLast && readingTokens <= PROMPT_STEP_TOKENS_MAX ? readingTokens : tokens
}

/** However many wait: between two steps is the only place to join. */
const PROMPT_STEP_MS = 250
/** The time of prompts for each millisecond of answers. */
const EARNED_SHARE = 1.5
/** The time of a piece between two tokens, which so take 2.2 times as long as without. */
const SMOOTH_SHARE = 1.2
/** Fewer tokens cost more to begin with than to read. */
const SMOOTH_TOKENS_MIN = 8
const BEGIN_SHARE_MAX = 0.65
const HEAVY_FACTOR = 2.2
const HEAVY_SHARE_MAX = 2
/** One token in so many is late; it is not to be seen among the 5 % that are. */
const PAUSE_EVERY_STEPS = 28
/** Where prompts are read smoothly, a pause is for what they have not spent. */
const SMOOTH_PAUSE_STEPS = 8
/** A pause of so many steps is for a prompt that is read in it. */
const NOTICED_STEPS = 3
/** A short prompt has a fraction of the tokens that the average one has. */
const MUCH_SHORTER = 2
/** So much of the time of short prompts lies between two pauses, so that they starve nobody. */
const SHORT_MS_MAX = 500
/**
 * Nobody waits longer than that for the next token, unless a tile takes so long, or answers come so
 * slowly that prompts earn more between two pauses; then up to the second bound.
 */
const PAUSE_MS = 1_000
const PAUSE_MS_MAX = 3_000
/** Less than any piece takes, and not the 0 of no pause. */
const NEXT_IS_OVER_MS = 0.001
/** A machine that takes longer for a tile reads smaller pieces. */
const TILE_MS_MAX = 2_000
/** Answers that come faster than 80 tokens a second are held up as if they did not. */
const UNNOTICED_MS = 12
const PROMPT_STEP_TOKENS_MIN = 2
/** Also the batch that llama.cpp is asked to allocate. */
export const PROMPT_STEP_TOKENS_MAX = 512
