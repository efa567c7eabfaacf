/**
 * Spans across processes: a `traceparent` goes with each request, and every hop makes its span a
 * child of the one before. Made with OpenTelemetry's API; until `recordSpans` nothing is recorded,
 * and the `traceparent` passes through as it came.
 */
import { randomFillSync } from 'node:crypto'
import {
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type SpanKind,
  type TracerProvider
} from '@opentelemetry/api'
import { toHaifError } from '#shared/errors.ts'

const TRACER_NAME = 'haif'
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

interface SpanOptions {
  kind?: SpanKind
  attributes?: Attributes
  /** Milliseconds since 1970, for what has been before; absent: now. */
  startTime?: number
}

/**
 * Until it is called no span is made: most meshes have no collector, and four spans a request are
 * not free.
 */
export function recordSpans(provider: TracerProvider): void {
  trace.setGlobalTracerProvider(provider)
  isRecorded = true
}

let isRecorded = false
const NOT_RECORDED = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)

/** A child of the span that the traceparent names; a root without one. */
export function startSpan(
  name: string,
  traceparent: string | undefined,
  options: SpanOptions
): Span {
  if (!isRecorded) return NOT_RECORDED
  return trace.getTracer(TRACER_NAME).startSpan(name, options, parentOf(traceparent))
}

/** For whoever continues this span; undefined when nobody records it. */
export function traceparentOf(span: Span): string | undefined {
  if (!span.isRecording()) return undefined
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

/** The beginning of a trace that nobody records here; it still ties the lines of logs together. */
export const newTraceparent = (): string => `00-${randomHex(16)}-${randomHex(8)}-01`

/**
 * Each call for random bytes is a trip to the kernel: they are fetched for many requests at once.
 */
const random = Buffer.allocUnsafe(4096)
let randomUsed = random.length

function randomHex(bytes: number): string {
  if (randomUsed + bytes > random.length) {
    randomFillSync(random)
    randomUsed = 0
  }
  randomUsed += bytes
  return random.toString('hex', randomUsed - bytes, randomUsed)
}

export const traceIdOf = (traceparent: string | undefined): string | undefined =>
  traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent)?.[1]

/**
 * Ends a span that failed. The message of an error may quote a prompt, so only its code is kept.
 */
export function endFailed(span: Span, error: unknown): void {
  const { code } = toHaifError(error)
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: code })
  span.end()
}

function parentOf(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT
  const parent: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags ?? '00', 16),
    isRemote: true
  }
  return trace.setSpanContext(ROOT_CONTEXT, parent)
}
