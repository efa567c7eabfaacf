/** Draws the tokens of an answer, and collects what goes to the caller beside the text of each. */
import assert from 'node:assert/strict'
import type { LlamaGrammarEvaluationState } from 'node-llama-cpp'
import type { Answer } from '../answer/answer.ts'
import type { Job } from '../job.ts'
import type { PartExtras } from '../../messages.ts'
import { evaluateOptions } from '../answer/sampling.ts'
import type { GrammarState } from '../grammar.ts'
import { LibraryGrammarState } from '../library/library-grammar.ts'
import type { Token } from '../vocabulary.ts'
import type { Drawn, Sequence } from './sequence.ts'
import { tokenLogprob } from '../answer/token-logprobs.ts'

/** `tokens` are those that the sequence's cache does not hold yet. */
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
    ...(grammar === undefined ? {} : { grammarEvaluationState: libraryState(grammar) }),
    ...(limits.tools === undefined
      ? {}
      : {
          grammarEvaluationState: () => {
            const state = answer.grammar
            return state === undefined ? undefined : libraryState(state)
          }
        }),
    ...(tokenBias === undefined ? {} : { tokenBias })
  }
  if (topLogprobs === undefined) return sequence.evaluate(tokens, options)
  assert(sequence.evaluateWithMetadata !== undefined)
  return sequence.evaluateWithMetadata(tokens, { probabilities: true }, options)
}

function libraryState(state: GrammarState): LlamaGrammarEvaluationState {
  assert(state instanceof LibraryGrammarState)
  return state.state
}

/** The reasoning, tool calls and logprobs that came with a token; null where there are none. */
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
