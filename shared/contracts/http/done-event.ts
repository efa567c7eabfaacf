/** The end of an inference as `POST /infer` and `haif infer --json` show it. */
import type { InferenceEnd, Usage } from '#shared/contracts/inference/answer.ts'
import type { DoneEvent, HttpUsage, Mode, NativeInferReply } from './infer.ts'

export interface InferenceDone {
  maxTokens: number
  mode: Mode
  end: InferenceEnd
  requestId: string
}

type InferSummary = Omit<NativeInferReply, 'output'>

export function inferSummary({ maxTokens, mode, end, requestId }: InferenceDone): InferSummary {
  const summary = {
    model: end.model,
    max_tokens: maxTokens,
    mode,
    provider: end.provider,
    request_id: requestId,
    usage: toHttpUsage(end.usage),
    finish_reason: end.finishReason
  }
  return end.explanations === undefined ? summary : { ...summary, explanations: end.explanations }
}

export function doneEvent(done: InferenceDone): DoneEvent {
  const { timings, attempts = 1, workers } = done.end
  const event: DoneEvent = {
    ...inferSummary(done),
    timings: {
      queue_ms: roundedMs(timings.queueMs),
      prefill_ms: roundedMs(timings.prefillMs),
      decode_ms: roundedMs(timings.decodeMs)
    },
    attempts
  }
  const worker = workers?.at(-1)
  if (worker !== undefined) event.worker = worker
  return event
}

/** Milliseconds with two decimals. */
export const roundedMs = (ms: number): number => Math.round(ms * 100) / 100

function toHttpUsage({ promptTokens, cachedPromptTokens, completionTokens }: Usage): HttpUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens }
  }
}
