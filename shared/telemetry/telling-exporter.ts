/** Sends spans on, and says once when the collector does not take them, and once when it does again. */
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { Logger } from '#shared/process/log.ts'

type Done = Parameters<SpanExporter['export']>[1]

/** `ExportResultCode.SUCCESS` of @opentelemetry/core. */
const SUCCESS = 0

export class TellingExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  #log: Logger | null = null
  #isAway = false

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter
  }

  /** Until then nothing is said. */
  logTo(log: Logger): void {
    this.#log = log
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#exporter.export(spans, (result) => {
      const code: number = result.code
      this.#tell(code === SUCCESS, result.error)
      done(result)
    })
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }

  #tell(isTaken: boolean, error: Error | undefined): void {
    if (isTaken !== this.#isAway || this.#log === null) return
    this.#isAway = !isTaken
    if (isTaken) this.#log.info('the collector takes traces again')
    else {
      const reason = error?.message ?? 'no reason was given'
      this.#log.warn(
        { reason },
        'the collector does not take traces, and they are dropped: is OTEL_EXPORTER_OTLP_ENDPOINT right?'
      )
    }
  }
}
