/** How the tokens of an answer are drawn, and what is told of each beside its text. */
import assert from 'node:assert/strict'
import type { Token } from 'node-llama-cpp'
import type { Answer } from '../answer/answer.ts'
import type { Job } from './job.ts'
import type { PartExtras } from '../../messages.ts'
import { evaluateOptions } from '../answer/sampling.ts'
import type { Sequence } from './slot-cache.ts'
import { tokenLogprob } from '../answer/token-logprobs.ts'

/** A token, and what the model held of it and of all others. */
export interface Drawn {
  token: Token
  probabilities: ReadonlyMap<Token, number>
}

/** `tokens`: what is not in the sequence's cache yet. */
export function drawTokens(
  sequence: Sequence,
  tokens: Token[],
  { job, answer }: { job: Job; answer: Answer }
): AsyncGenerator<Token | Drawn, void> {
  const { limits, sampling, grammar, tokenBias, topLogprobs } = job
  const options = {
    ...evaluateOptions(sampling, {
      promptTokens: limits.promptTokens,
      answerTokens: answer.tokens
    }),
    ...(grammar === undefined ? {} : { grammarEvaluationState: grammar }),
    ...(limits.tools === undefined ? {} : { grammarEvaluationState: () => answer.grammar }),
    ...(tokenBias === undefined ? {} : { tokenBias })
  }
  if (topLogprobs === undefined) return sequence.evaluate(tokens, options)
  assert(sequence.evaluateWithMetadata !== undefined)
  return sequence.evaluateWithMetadata(tokens, { probabilities: true }, options)
}

/** What has come with a token besides text; null: nothing. */
export function extrasOf(
  { job, answer }: { job: Job; answer: Answer },
  drawn: Token | Drawn
): PartExtras | null {
  const reasoning = answer.takeReasoning()
  const toolCalls = answer.takeToolCalls()
  const extras: PartExtras = {
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls })
  }
  if (typeof drawn === 'number') return Object.keys(extras).length === 0 ? null : extras
  const textOf = (token: Token) => job.limits.detokenize([token], [])
  extras.logprobs = [tokenLogprob(drawn.token, drawn.probabilities, job.topLogprobs ?? 0, textOf)]
  return extras
}
