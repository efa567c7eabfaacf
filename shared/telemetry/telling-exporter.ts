/**
 * Sends spans on, and logs once when the collector refuses them, and once when it takes them again.
 */
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { Outage } from '#shared/kit/outage.ts'
import type { Logger } from '#shared/process/log.ts'

type Done = Parameters<SpanExporter['export']>[1]

/** `ExportResultCode.SUCCESS` of @opentelemetry/core. */
const SUCCESS = 0

export class TellingExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  #outage: Outage | null = null

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter
  }

  /** Until then nothing is said. */
  logTo(log: Logger): void {
    this.#outage = new Outage(log, {
      begins:
        'the collector does not take traces, and they are dropped: is OTEL_EXPORTER_OTLP_ENDPOINT right?',
      ends: 'the collector takes traces again'
    })
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#exporter.export(spans, (result) => {
      const code: number = result.code
      if (code === SUCCESS) this.#outage?.worked()
      else this.#outage?.failed(result.error ?? 'no reason was given')
      done(result)
    })
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }
}
