/** What is asked of the driver for an answer, and what goes to the caller beside each text. */
import type { DrawOptions, Drawn } from '../driver.ts'
import type { PartExtras } from '../../messages.ts'
import { tokenLogprob } from '../answer/token-logprobs.ts'
import type { Token } from '../vocabulary.ts'
import type { Task } from './task.ts'

export function drawOptionsOf({ job, answer }: Task): DrawOptions {
  const { sampling, bias, topLogprobs, limits } = job
  return {
    sampling,
    bias,
    promptTokens: limits.promptTokens,
    answerTokens: answer.tokens,
    grammar: () => answer.grammar,
    ...(topLogprobs === undefined ? {} : { topLogprobs })
  }
}

/** The reasoning, tool calls and logprobs that came with a token; null where there are none. */
export function extrasOf({ job, answer }: Task, drawn: Drawn): PartExtras | null {
  const reasoning = answer.takeReasoning()
  const toolCalls = answer.takeToolCalls()
  const logprob = tokenLogprob(drawn, (token: Token) => job.limits.detokenize([token], []))
  if (reasoning === '' && toolCalls.length === 0 && logprob === null) return null
  return {
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(logprob === null ? {} : { logprobs: [logprob] })
  }
}
