/**
 * How many prompt tokens one step may take along. A step ends for all slots at once, so every prompt
 * token in it delays the next token of every answer that is being written. The budget is what the
 * machine computes in the time of a step in which all these requests get a token: an answer then
 * comes at about half its speed at worst, however long the prompt that arrives. Where more prompts
 * wait than answers are written, the budget grows with them: 15 that arrived together are not held
 * up for the sake of the first that was read, and large pieces are read faster than small ones.
 */
export interface StepCost {
  /** Answers that get a token in this step, and prompts that wait to be read. */
  writing: number
  reading: number
  /** Of a step that decodes for all of them. */
  decodeStepMs: number
  prefillTokensPerSecond: number
}

export function promptTokensPerStep(cost: StepCost): number {
  const tokens = Math.floor((promptMs(cost) / 1000) * cost.prefillTokensPerSecond)
  return Math.min(PROMPT_STEP_TOKENS_MAX, Math.max(PROMPT_STEP_TOKENS_MIN, tokens))
}

function promptMs({ writing, reading, decodeStepMs }: StepCost): number {
  if (writing === 0) return PROMPT_STEP_MS
  const weight = Math.max(1, reading / writing)
  return Math.min(PROMPT_STEP_MS, Math.max(decodeStepMs, UNNOTICED_MS) * weight)
}

/** However many wait: between two steps is the only place to abort or to join. */
const PROMPT_STEP_MS = 250
/** A model faster than this writes more than anybody reads. */
const UNNOTICED_MS = 8
const PROMPT_STEP_TOKENS_MIN = 2
/** Also the batch that llama.cpp is asked to allocate. */
export const PROMPT_STEP_TOKENS_MAX = 512
