/**
 * Measures and traces each inference that a service serves, once at its beginning, at its first token
 * and at its end. Gateway, orchestrator and worker serve the same stream, so one observer fits all;
 * what only one of them can know is measured for that one.
 */
import { SpanKind, type Span } from '@opentelemetry/api'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { toHaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type {
  ObservedStream,
  ServedStreamFacts,
  StreamObserver,
  StreamOutcome
} from '#shared/rpc/stream-observer.ts'
import { counter, histogram, upDownCounter } from '#shared/telemetry/instruments.ts'
import { observeRequestsAtOrchestrator } from '../../services/orchestrator/requests/request-metrics.ts'
import { endFailed, startSpan, traceIdOf, traceparentOf } from '#shared/telemetry/spans.ts'
import { observeRequestsAtWorker } from '../../services/worker/requests/request-metrics.ts'

/** One request at its end. Times in milliseconds. */
export interface ServedRequest {
  request: InferenceRequest
  code: string
  durationMs: number
  /** Until the first token; null when there was none. */
  firstTokenMs: number | null
  /** Null when it failed. */
  end: InferenceEnd | null
  /** Of this service's span; undefined when it is not recorded. */
  traceparent: string | undefined
  /** When it began, in milliseconds since 1970. */
  startedAt: number
}

export function observeInference(role: PeerRole, log: Logger): StreamObserver {
  const requests = counter('haif_requests_total')
  const durations = histogram('haif_request_duration_seconds')
  const running = upDownCounter('haif_requests_running')
  const atRole = observerOf(role)
  const service = { service: role }

  return (facts) => {
    if (!facts.method.endsWith('.infer')) return null
    running.add(1, service)
    const stream = new Served(facts, (served) => {
      running.add(-1, service)
      requests.add(1, { service: role, code: served.code })
      durations.record(served.durationMs / 1000, service)
      atRole(served)
      if (role === 'orchestrator') logRequest(log, facts, served)
    })
    return stream
  }
}

function observerOf(role: PeerRole): (served: ServedRequest) => void {
  if (role === 'orchestrator') return observeRequestsAtOrchestrator()
  if (role === 'worker') return observeRequestsAtWorker()
  return () => {}
}

class Served implements ObservedStream {
  readonly traceparent: string | undefined
  readonly #request: InferenceRequest
  readonly #span: Span
  readonly #onEnd: (served: ServedRequest) => void
  readonly #startedAt = Date.now()
  readonly #begun = performance.now()
  #firstTokenMs: number | null = null

  constructor(facts: ServedStreamFacts, onEnd: (served: ServedRequest) => void) {
    const { method, requestId, peer } = facts
    this.#request = facts.request as InferenceRequest // not checked yet: only read with care
    const attributes = { 'haif.request_id': requestId, 'haif.peer': peer.key }
    this.#span = startSpan(method, facts.traceparent, { kind: SpanKind.SERVER, attributes })
    this.traceparent = traceparentOf(this.#span)
    this.#onEnd = onEnd
  }

  item(value: unknown): boolean {
    if ((value as InferenceItem).queued !== undefined) return false
    this.#firstTokenMs = performance.now() - this.#begun
    return true
  }

  ended(outcome: StreamOutcome): void {
    const failed = 'error' in outcome
    const code = failed ? toHaifError(outcome.error).code : 'OK'
    const end = failed ? null : (outcome.end as InferenceEnd)
    if (failed) endFailed(this.#span, outcome.error)
    else this.#span.end()
    this.#onEnd({
      request: this.#request,
      code,
      durationMs: performance.now() - this.#begun,
      firstTokenMs: this.#firstTokenMs,
      end,
      traceparent: this.traceparent,
      startedAt: this.#startedAt
    })
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
      tenant: request?.tenantId,
      code,
      model: end?.model ?? request?.model,
      attempts: end?.attempts,
      workers: end?.workers,
      ms: Math.round(durationMs),
      firstTokenMs: firstTokenMs === null ? undefined : Math.round(firstTokenMs),
      completionTokens: end?.usage.completionTokens
    },
    'request served'
  )
}
