/**
 * Fields of Ollama's that change an answer and that HAIF cannot honour. Options that only say how a
 * machine runs a model (`num_ctx`, `num_gpu`, `num_thread`, …) are ignored: whoever runs a worker
 * has said it there.
 */
import type { Refusals } from '../http/tolerant-body.ts'

const isEmpty = (value: unknown): boolean =>
  value === '' || (Array.isArray(value) && value.length === 0)
const isOneOf =
  (...idle: unknown[]) =>
  (value: unknown): boolean =>
    idle.includes(value)

export const REFUSALS: Refusals = {
  template: { why: "the model's own template is used; raw takes a whole prompt", unless: isEmpty },
  suffix: { why: 'these models continue a text and fill no gap in one', unless: isEmpty },
  context: { why: 'send the conversation as messages to /api/chat', unless: isEmpty },
  logprobs: { why: '/v1/chat/completions has them', unless: isOneOf(false) }
}

const MIROSTAT = 'use temperature, top_k, top_p and min_p'

export const OPTION_REFUSALS: Refusals = {
  mirostat: { why: MIROSTAT, unless: isOneOf(0) },
  typical_p: { why: MIROSTAT, unless: isOneOf(1, 0) },
  tfs_z: { why: MIROSTAT, unless: isOneOf(1, 0) },
  penalize_newline: { why: 'penalties treat all tokens alike', unless: isOneOf(true) }
}

export const EMBED_REFUSALS: Refusals = {
  dimensions: { why: 'a model makes vectors of its own size only', unless: isOneOf(0) }
}
