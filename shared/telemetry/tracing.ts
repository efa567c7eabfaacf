/**
 * Sends spans to a collector by OTLP over HTTP. The exporter itself reads the OTEL_EXPORTER_OTLP_*
 * variables:
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider
} from '@opentelemetry/sdk-trace'
import { readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { VERSION } from '#shared/process/version.ts'
import { recordSpans } from './spans.ts'
import { TellingExporter } from './telling-exporter.ts'

/** Spans wait here while the collector is away; what comes when it is full is dropped. */
const SPANS_WAITING_MAX = 4096
const SEND_MS = 1000
/** At the end of the process, for what is left. */
const FLUSH_MS_MAX = 500

interface Tracing {
  /** Sets the log that reports a collector that is away. */
  logTo(log: Logger): void
  stop(): Promise<void>
}

/** `OTEL_SERVICE_NAME`: `name` unless set; `OTEL_TRACES_SAMPLER_ARG`: the traced fraction, 1. */
export function startTracing(env: Environment, name: string): Tracing {
  const exporter = new TellingExporter(new OTLPTraceExporter())
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': readString(env, 'OTEL_SERVICE_NAME', name),
      'service.version': VERSION
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(readRatio(env)) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: SPANS_WAITING_MAX,
        scheduledDelayMillis: SEND_MS
      })
    ]
  })
  recordSpans(provider)
  return {
    logTo: (log) => exporter.logTo(log),
    async stop() {
      // A collector that is away must not keep the process.
      await provider.forceFlush({ timeoutMillis: FLUSH_MS_MAX }).catch(() => {})
    }
  }
}

function readRatio(env: Environment): number {
  const text = readString(env, 'OTEL_TRACES_SAMPLER_ARG', '1')
  const ratio = Number(text)
  if (ratio >= 0 && ratio <= 1) return ratio
  throw new HaifError(
    'CONFIG_INVALID',
    `OTEL_TRACES_SAMPLER_ARG=${text} cannot be used: it must be a number from 0 to 1`
  )
}
