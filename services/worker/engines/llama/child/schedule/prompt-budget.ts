/**
 * Bounds the prompt tokens of one step. A step ends for all slots at once, so every prompt token in
 * it delays the next token of every answer that is being written.
 *
 * Each prompt gets as much time as the answers do, step by step: beside one that arrives, however
 * long, an answer comes at half its speed at worst. Time that no prompt has used is saved up to a
 * bound, so that a short prompt is read in one or two large pieces, which cost far less than many
 * small ones. Where many wait, most of the time is theirs: what they wait for is a slot in the same
 * step.
 */
export interface StepCost {
  /** Answers that get a token in this step, and prompts that wait to be read. */
  writing: number
  reading: number
  /** The duration of a step that decodes for all of them. */
  decodeStepMs: number
  prefillTokensPerSecond: number
}

export class PromptBudget {
  /** The time that prompts may take from answers now; negative after a piece that took too long. */
  #savedMs = SAVED_MS_MAX

  /** The budget of the next step; 0 while answers are written and prompts have had their time. */
  next({ writing, reading, decodeStepMs, prefillTokensPerSecond }: StepCost): number {
    const tokensIn = (ms: number) => Math.floor((ms / 1000) * prefillTokensPerSecond)
    if (writing === 0) return bounded(Math.max(TILE_TOKENS, tokensIn(PROMPT_STEP_MS)))
    const earnedMs = Math.max(decodeStepMs, UNNOTICED_MS) * Math.max(1, reading)
    this.#savedMs = Math.min(SAVED_MS_MAX, this.#savedMs + earnedMs)
    if (this.#savedMs <= 0) return 0
    return bounded(tokensIn(Math.min(PROMPT_STEP_MS, this.#savedMs)))
  }

  /** Charges the time that a piece has taken from the answers that wait for their next token. */
  spent(ms: number): void {
    this.#savedMs -= ms
  }
}

function bounded(tokens: number): number {
  const whole = tokens < TILE_TOKENS / 2 ? tokens : Math.round(tokens / TILE_TOKENS) * TILE_TOKENS
  return Math.min(PROMPT_STEP_TOKENS_MAX, Math.max(PROMPT_STEP_TOKENS_MIN, whole))
}

/** However many wait: between two steps is the only place to abort or to join. */
const PROMPT_STEP_MS = 250
const SAVED_MS_MAX = 500
/** 40 tokens a second are more than anybody reads. */
const UNNOTICED_MS = 25
/**
 * llama.cpp computes attention on the CPU in tiles of so many tokens, from the first whole one on:
 * 64 tokens after 2,000 others take half as long as 63.
 */
const TILE_TOKENS = 64
const PROMPT_STEP_TOKENS_MIN = 2
/** Also the batch that llama.cpp is asked to allocate. */
export const PROMPT_STEP_TOKENS_MAX = 512
