/** Turns an orchestrator's request into the one that an engine gets. */
import type { AttemptRequest } from '#shared/contracts/inference/request.ts'
import { tokensIn } from '#shared/inference/failover/sent-tokens.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../engines/engine.ts'

/** `digest` is the one of the file that the model was loaded from. */
export function toGenerate({ asked, sent }: AttemptRequest, digest: string): GenerateRequest {
  const { input, maxTokens, sampling, stop, responseFormat, logprobs, topLogprobs } = asked
  const { tools = [], toolChoice = 'auto', parallelToolCalls, reasoningEffort } = asked
  const generate: GenerateRequest = { input, maxTokens, sampling }
  if (stop !== undefined) generate.stop = stop
  if (responseFormat !== undefined) generate.responseFormat = responseFormat
  if (logprobs !== undefined) generate.logprobs = logprobs
  if (topLogprobs !== undefined) generate.topLogprobs = topLogprobs
  if (tools.length > 0 && toolChoice !== 'none') {
    generate.tools = tools
    generate.toolChoice = toolChoice
    if (parallelToolCalls !== undefined) generate.parallelToolCalls = parallelToolCalls
  }
  if (reasoningEffort !== undefined) generate.reasoningEffort = reasoningEffort
  if (sent !== undefined) {
    generate.resumeTokenIds = sent.tokenIds
    if (sent.digest !== digest) {
      if ((sent.toolCalls ?? []).length > 0) throw cannotGoOnAfterCalls()
      generate.resumeText = sent.text
      generate.resumeTokens = tokensIn(sent)
      if (sent.reasoning !== undefined) generate.resumeReasoning = sent.reasoning
    }
  }
  return generate
}

/** Another file's tokens mean nothing here, and calls are no text. Another worker may go on. */
const cannotGoOnAfterCalls = (): HaifError =>
  new HaifError(
    'ENGINE_FAILED',
    'the answer has tool calls that another model file has written: this one cannot go on with them'
  )
