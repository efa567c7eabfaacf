/**
 * How many prompt tokens one step may take along. A step ends for all slots at once, so every prompt
 * token in it delays the next token of every answer that is being written. The budget is what the
 * machine computes in the time of a step in which all these requests get a token: an answer then
 * comes at about half its speed at worst, however long the prompt that arrives, and many prompts
 * that arrive together are not held up for the sake of the first that is done.
 */
export interface StepCost {
  /** Of a step that decodes for all who are in this one; 0: no answer is being written. */
  decodeStepMs: number
  prefillTokensPerSecond: number
}

export function promptTokensPerStep(cost: StepCost): number {
  const ms = cost.decodeStepMs === 0 ? PROMPT_STEP_MS : Math.max(cost.decodeStepMs, UNNOTICED_MS)
  const tokens = Math.floor((ms / 1000) * cost.prefillTokensPerSecond)
  return Math.min(PROMPT_STEP_TOKENS_MAX, Math.max(PROMPT_STEP_TOKENS_MIN, tokens))
}

/** Nobody waits for a token, but between two steps is the only place to abort or to join. */
const PROMPT_STEP_MS = 250
/** A model faster than this writes more than anybody reads. */
const UNNOTICED_MS = 8
const PROMPT_STEP_TOKENS_MIN = 8
/** Also the batch that llama.cpp is asked to allocate. */
export const PROMPT_STEP_TOKENS_MAX = 512
