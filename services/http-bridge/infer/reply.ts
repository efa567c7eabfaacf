/** Turns the end of an inference into the reply of `POST /infer`. */
import type {
  DoneEvent,
  HttpUsage,
  NativeInferReply,
  QueuedEvent,
  VersionedInferReply
} from '#shared/contracts/http/infer.ts'
import type { InferenceEnd, InferenceItem, Usage } from '#shared/contracts/inference/answer.ts'
import type { InferCall } from './request.ts'

export interface Answered {
  call: InferCall
  end: InferenceEnd
  requestId: string
}

export function nativeReply(
  answered: Answered,
  output: string,
  reasoning: string
): NativeInferReply {
  const reply = { ...summary(answered), output }
  return reasoning === '' ? reply : { ...reply, reasoning }
}

export function versionedReply({ requestId }: Answered, text: string): VersionedInferReply {
  return { api_version: 'v1', text, request_id: requestId }
}

export function doneEvent(answered: Answered): DoneEvent {
  const { queueMs, prefillMs, decodeMs } = answered.end.timings
  const done: DoneEvent = {
    ...summary(answered),
    timings: {
      queue_ms: rounded(queueMs),
      prefill_ms: rounded(prefillMs),
      decode_ms: rounded(decodeMs)
    },
    attempts: answered.end.attempts ?? 1
  }
  const worker = answered.end.workers?.at(-1)
  if (worker !== undefined) done.worker = worker
  return done
}

type Queued = NonNullable<InferenceItem['queued']>

export function queuedEvent({ ahead, waitMs, loading }: Queued): QueuedEvent {
  return {
    ahead,
    wait_ms: rounded(waitMs),
    ...(loading === undefined ? {} : { loading: rounded(loading) })
  }
}

/** Headers that name the worker that served a request, and how long it waited. */
export function servedBy({ timings, attempts = 1, workers }: InferenceEnd): Record<string, string> {
  const headers: Record<string, string> = {
    'x-haif-attempts': String(attempts),
    'x-haif-queue-ms': String(rounded(timings.queueMs)),
    'x-haif-prefill-ms': String(rounded(timings.prefillMs))
  }
  const worker = workers?.at(-1)
  if (worker !== undefined) headers['x-haif-worker'] = worker
  return headers
}

function summary({ call, end, requestId }: Answered): Omit<NativeInferReply, 'output'> {
  const said = {
    model: end.model,
    max_tokens: call.request.asked.maxTokens,
    mode: call.mode,
    provider: end.provider,
    request_id: requestId,
    usage: toHttpUsage(end.usage),
    finish_reason: end.finishReason
  }
  return end.explanations === undefined ? said : { ...said, explanations: end.explanations }
}

function toHttpUsage({ promptTokens, cachedPromptTokens, completionTokens }: Usage): HttpUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens }
  }
}

const rounded = (ms: number): number => Math.round(ms * 100) / 100
