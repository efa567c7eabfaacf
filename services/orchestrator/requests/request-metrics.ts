/** What an orchestrator measures and logs of each request at its end. */
import type { Permit } from '#shared/contracts/access/permit.ts'
import type { OnServed, ServedRequest } from '#shared/inference/served-inference.ts'
import { causeOf } from '#shared/kit/reason-of.ts'
import { RateLimit } from '#shared/kit/rate-limit.ts'
import type { Logger } from '#shared/process/log.ts'
import type { ServedStreamFacts } from '#shared/rpc/stream-observer.ts'
import { histogram } from '#shared/telemetry/instruments.ts'
import { traceIdOf } from '#shared/telemetry/spans.ts'

export function observeRequests(log: Logger): OnServed {
  const interToken = histogram('haif_inter_token_latency_seconds')
  const limit = new RateLimit(WARNINGS_PER_SECOND)

  return (served, facts) => {
    logRequest(log, facts, served, limit)
    const { durationMs, firstTokenMs, end } = served
    if (end === null || firstTokenMs === null) return
    const { completionTokens } = end.usage
    if (completionTokens < 2) return
    const seconds = (durationMs - firstTokenMs) / 1000 / (completionTokens - 1)
    interToken.record(seconds, { model: end.model })
  }
}

/** Failures that are logged as warnings; under a flood of them the rest stays at `info`. */
const WARNINGS_PER_SECOND = 20

/**
 * One line for each request, with which its trace, its workers and its tenant can be found. One
 * that failed is a warning with its cause, unless its caller has left.
 */
function logRequest(
  log: Logger,
  facts: ServedStreamFacts,
  served: ServedRequest,
  limit: RateLimit
): void {
  const { code, end, error, durationMs, firstTokenMs, request } = served
  const isFailure = error !== null && code !== 'CANCELLED'
  log[isFailure && limit.passes(performance.now()) ? 'warn' : 'info'](
    {
      request_id: facts.requestId,
      trace_id: traceIdOf(served.traceparent ?? facts.traceparent),
      peer: facts.peer.key,
      tenant: tenantOf(request),
      code,
      cause: isFailure ? causeOf(error) : undefined,
      model: end?.model ?? request?.asked?.model,
      attempts: end?.attempts,
      workers: end?.workers,
      ms: Math.round(durationMs),
      firstTokenMs: firstTokenMs === null ? undefined : Math.round(firstTokenMs),
      completionTokens: end?.usage.completionTokens
    },
    isFailure ? 'request failed' : 'request served'
  )
}

/** As the permit has it, which may have been refused. */
function tenantOf(request: ServedRequest['request']): string | undefined {
  const text = request?.permit?.permit
  if (typeof text !== 'string') return undefined
  try {
    return (JSON.parse(text) as Partial<Permit>).tenant
  } catch {
    return undefined
  }
}
