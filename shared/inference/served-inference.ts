/**
 * Measures and traces each inference that a service serves, once at its beginning, at its first
 * token and at its end. Every service on the way of a request serves the same stream, so one
 * observer fits all; a service that knows more hands in `onEnd` and measures it there.
 */
import { SpanKind, type Span } from '@opentelemetry/api'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest, PermittedRequest } from '#shared/contracts/inference/request.ts'
import { toHaifError, type HaifError } from '#shared/errors.ts'
import type {
  ObservedStream,
  ServedStreamFacts,
  StreamObserver,
  StreamOutcome
} from '#shared/rpc/stream-observer.ts'
import { counter, histogram, upDownCounter } from '#shared/telemetry/instruments.ts'
import { endFailed, startSpan, traceparentOf } from '#shared/telemetry/spans.ts'

/** A request is observed before it is checked, so any part of it may be missing. */
type UncheckedRequest = Partial<Pick<InferenceRequest, 'asked'> & Pick<PermittedRequest, 'permit'>>

/** An inference that has ended. Times in milliseconds. */
export interface ServedRequest {
  request: UncheckedRequest | null
  code: string
  durationMs: number
  /** The time until the first token; null when there was none. */
  firstTokenMs: number | null
  /** Null when it failed. */
  end: InferenceEnd | null
  /** Null when it did not fail. */
  error: HaifError | null
  /** The span of this service; undefined when it is not recorded. */
  traceparent: string | undefined
  /** When it began, in milliseconds since 1970. */
  startedAt: number
}

export type OnServed = (served: ServedRequest, facts: ServedStreamFacts) => void

/** `service`: its name in the labels. */
export function observeInference(service: string, onEnd: OnServed = () => {}): StreamObserver {
  const requests = counter('haif_requests_total')
  const durations = histogram('haif_request_duration_seconds')
  const running = upDownCounter('haif_requests_running')
  const labels = { service }

  return (facts) => {
    if (!facts.method.endsWith('.infer')) return null
    running.add(1, labels)
    return new ObservedInference(facts, (served) => {
      running.add(-1, labels)
      requests.add(1, { service, code: served.code })
      durations.record(served.durationMs / 1000, labels)
      onEnd(served, facts)
    })
  }
}

class ObservedInference implements ObservedStream {
  readonly traceparent: string | undefined
  readonly #request: UncheckedRequest | null
  readonly #span: Span
  readonly #onEnd: (served: ServedRequest) => void
  readonly #startedAt = Date.now()
  readonly #begun = performance.now()
  #firstTokenMs: number | null = null

  constructor(facts: ServedStreamFacts, onEnd: (served: ServedRequest) => void) {
    const { method, requestId, peer } = facts
    this.#request = facts.request as UncheckedRequest | null
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
    const error = failed ? toHaifError(outcome.error) : null
    const code = error?.code ?? 'OK'
    const end = failed ? null : (outcome.end as InferenceEnd)
    if (failed) endFailed(this.#span, outcome.error)
    else this.#span.end()
    this.#onEnd({
      request: this.#request,
      code,
      durationMs: performance.now() - this.#begun,
      firstTokenMs: this.#firstTokenMs,
      end,
      error,
      traceparent: this.traceparent,
      startedAt: this.#startedAt
    })
  }
}
