/** What an orchestrator measures and logs of each request at its end. */
import type { OnServed, ServedRequest } from '#shared/inference/served-inference.ts'
import type { Logger } from '#shared/process/log.ts'
import type { ServedStreamFacts } from '#shared/rpc/stream-observer.ts'
import { histogram } from '#shared/telemetry/instruments.ts'
import { traceIdOf } from '#shared/telemetry/spans.ts'

export function observeRequests(log: Logger): OnServed {
  const interToken = histogram('haif_inter_token_latency_seconds')

  return (served, facts) => {
    logRequest(log, facts, served)
    const { durationMs, firstTokenMs, end } = served
    if (end === null || firstTokenMs === null) return
    const { completionTokens } = end.usage
    if (completionTokens < 2) return
    const seconds = (durationMs - firstTokenMs) / 1000 / (completionTokens - 1)
    interToken.record(seconds, { model: end.model })
  }
}

/** One line for each request, with which its trace, its workers and its tenant can be found. */
function logRequest(log: Logger, facts: ServedStreamFacts, served: ServedRequest): void {
  const { code, end, durationMs, firstTokenMs, request } = served
  log.info(
    {
      request_id: facts.requestId,
      trace_id: traceIdOf(served.traceparent ?? facts.traceparent),
      peer: facts.peer.key,
      tenant: request?.charge?.tenantId,
      code,
      model: end?.model ?? request?.asked?.model,
      attempts: end?.attempts,
      workers: end?.workers,
      ms: Math.round(durationMs),
      firstTokenMs: firstTokenMs === null ? undefined : Math.round(firstTokenMs),
      completionTokens: end?.usage.completionTokens
    },
    'request served'
  )
}
