/** Turns the end of an inference into the reply of `POST /infer`. */
import {
  doneEvent,
  inferSummary,
  roundedMs,
  type InferenceDone
} from '#shared/contracts/http/done-event.ts'
import type {
  DoneEvent,
  NativeInferReply,
  QueuedEvent,
  VersionedInferReply
} from '#shared/contracts/http/infer.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferCall } from './request.ts'

interface Answered {
  call: InferCall
  end: InferenceEnd
  requestId: string
}

export function nativeReply(
  answered: Answered,
  output: string,
  reasoning: string
): NativeInferReply {
  const reply = { ...inferSummary(doneOf(answered)), output }
  return reasoning === '' ? reply : { ...reply, reasoning }
}

export function versionedReply({ requestId }: Answered, text: string): VersionedInferReply {
  return { api_version: 'v1', text, request_id: requestId }
}

export const doneReply = (answered: Answered): DoneEvent => doneEvent(doneOf(answered))

type Queued = NonNullable<InferenceItem['queued']>

export function queuedEvent({ ahead, waitMs, loading }: Queued): QueuedEvent {
  return {
    ahead,
    wait_ms: roundedMs(waitMs),
    ...(loading === undefined ? {} : { loading: roundedMs(loading) })
  }
}

/** Headers that name the worker that served a request, and how long it waited. */
export function servedBy({ timings, attempts = 1, workers }: InferenceEnd): Record<string, string> {
  const headers: Record<string, string> = {
    'x-haif-attempts': String(attempts),
    'x-haif-queue-ms': String(roundedMs(timings.queueMs)),
    'x-haif-prefill-ms': String(roundedMs(timings.prefillMs))
  }
  const worker = workers?.at(-1)
  if (worker !== undefined) headers['x-haif-worker'] = worker
  return headers
}

const doneOf = ({ call, end, requestId }: Answered): InferenceDone => ({
  maxTokens: call.request.asked.maxTokens,
  mode: call.mode,
  end,
  requestId
})
