/** Parts that replies of several endpoints have in common. */
import type { ChatFinishReason } from '#shared/contracts/http/chat.ts'
import type { OpenAiUsage } from '#shared/contracts/http/openai.ts'
import type { FinishReason, InferenceEnd } from '#shared/contracts/inference/answer.ts'
import type { SseWriter } from '../http/sse.ts'
import { queuedEvent, servedBy } from '../infer/reply.ts'
import type { AnswerPart } from '../ask/answer-parts.ts'

/** `chatcmpl-` and the like, followed by the request id where that fits. */
export const idOf = (prefix: string, requestId: string): string =>
  prefix + requestId.replaceAll(/[^A-Za-z0-9]/g, '')

export const secondsNow = (): number => Math.floor(Date.now() / 1000)

export function finishReasonOf(reason: FinishReason): ChatFinishReason {
  return reason === 'toolCalls' ? 'tool_calls' : reason
}

/** Of all choices together. Those of one prompt have read it once, so it counts once. */
export function sumUsage(ends: readonly InferenceEnd[], choicesPerPrompt: number): OpenAiUsage {
  let prompt = 0
  let cached = 0
  let completion = 0
  for (const [index, { usage }] of ends.entries()) {
    completion += usage.completionTokens
    if (index % choicesPerPrompt !== 0) continue
    prompt += usage.promptTokens
    cached += usage.cachedPromptTokens
  }
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached }
  }
}

/** With `X-HAIF-Explain: 1`: why each worker was chosen. Else nothing is added to OpenAI's form. */
export function explanationsOf(ends: readonly InferenceEnd[]): { explanations?: unknown[] } {
  const explanations = ends.flatMap((end) => end.explanations ?? [])
  return explanations.length === 0 ? {} : { explanations }
}

/** What HAIF has to tell while a stream runs, in comments: OpenAI's events have no place for it. */
export function commentOn(part: AnswerPart, events: SseWriter): void {
  if (part.kind === 'item') {
    const { queued } = part.item
    if (queued !== undefined) events.comment(`haif-queue ${JSON.stringify(queuedEvent(queued))}`)
    return
  }
  const { explanations } = part.end
  if (explanations !== undefined) events.comment(`haif-explain ${JSON.stringify(explanations)}`)
  events.comment(`haif-served ${JSON.stringify({ index: part.index, ...servedBy(part.end) })}`)
}
