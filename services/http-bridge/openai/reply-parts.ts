/** Parts that the replies of several endpoints have in common. */
import type { ChatFinishReason } from '#shared/contracts/http/chat.ts'
import type { OpenAiUsage } from '#shared/contracts/http/openai.ts'
import type { FinishReason, InferenceEnd, Usage } from '#shared/contracts/inference/answer.ts'
import type { EventSink } from '../http/stream/event-log.ts'
import { queuedEvent, servedBy } from '../infer/reply.ts'
import type { AnswerPart } from '../ask/answer-parts.ts'

export const secondsNow = (): number => Math.floor(Date.now() / 1000)

export function finishReasonOf(reason: FinishReason): ChatFinishReason {
  return reason === 'toolCalls' ? 'tool_calls' : reason
}

/** Sums the usage of all choices. A prompt counts once, however many choices it has. */
export function sumUsage(usages: readonly Usage[], choicesPerPrompt: number): OpenAiUsage {
  let [prompt, cached, completion, reasoning] = [0, 0, 0, 0]
  for (const [index, usage] of usages.entries()) {
    completion += usage.completionTokens
    reasoning += usage.reasoningTokens ?? 0
    if (index % choicesPerPrompt !== 0) continue
    prompt += usage.promptTokens
    cached += usage.cachedPromptTokens
  }
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning }
  }
}

/** Says, with `X-HAIF-Explain: 1`, why each worker was chosen; otherwise it adds nothing. */
export function explanationsOf(ends: readonly InferenceEnd[]): { explanations?: unknown[] } {
  const explanations = ends.flatMap((end) => end.explanations ?? [])
  return explanations.length === 0 ? {} : { explanations }
}

/**
 * Writes HAIF's own reports into comments of a stream, to those who ask for them by a header:
 * OpenAI's events have no place for them, and some clients fail at any comment.
 */
export function commentOn(part: AnswerPart, events: EventSink, tellsServed: boolean): void {
  if (part.kind === 'item') {
    const { queued } = part.item
    if (queued !== undefined) events.comment(`haif-queue ${JSON.stringify(queuedEvent(queued))}`)
    return
  }
  const { explanations } = part.end
  if (explanations !== undefined) events.comment(`haif-explain ${JSON.stringify(explanations)}`)
  if (!tellsServed) return
  events.comment(`haif-served ${JSON.stringify({ index: part.index, ...servedBy(part.end) })}`)
}
