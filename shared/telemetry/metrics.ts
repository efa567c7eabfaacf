/**
 * Measurements of this process. Services know only OpenTelemetry's API; the SDK behind it is made
 * once for each process, by what composes it. What is measured is listed in `telemetry/names.ts`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'
import { metrics, type Meter } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider, type CollectionResult } from '@opentelemetry/sdk-metrics'
import { gauge, METER_NAME } from './instruments.ts'
import { collectHistograms } from './kept-histograms.ts'
import { VERSION } from '#shared/process/version.ts'

export interface Metrics {
  readonly meter: Meter
  /** Everything measured so far, in Prometheus' text format. */
  render(): Promise<string>
}

/** How often the event loop is asked whether it is late: often enough to see 20 ms, and cheap. */
const LAG_RESOLUTION_MS = 20
const NANOSECONDS = 1e9

/** `forProcess`: what is measured anywhere in the process is measured here. */
export function createMetrics({ forProcess = false } = {}): Metrics {
  const kept = { collect: async (): Promise<CollectionResult> => collectHistograms(meter) }
  const reader = new PrometheusExporter({ preventServerStart: true, metricProducers: [kept] })
  const serializer = new PrometheusSerializer('', false, undefined, true, true)
  const provider = new MeterProvider({ readers: [reader] })
  if (forProcess) metrics.setGlobalMeterProvider(provider)
  const meter = provider.getMeter(METER_NAME)
  gauge('haif_build_info', meter).addCallback((result) => result.observe(1, { version: VERSION }))
  observeMemory(meter)
  observeEventLoop(meter)
  return {
    meter,
    async render() {
      const { resourceMetrics } = await reader.collect()
      return serializer.serialize(resourceMetrics)
    }
  }
}

function observeMemory(meter: Meter): void {
  gauge('haif_process_memory_bytes', meter).addCallback((result) => {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    result.observe(rss, { kind: 'resident' })
    result.observe(heapUsed, { kind: 'heap_used' })
    result.observe(heapTotal, { kind: 'heap_total' })
    result.observe(external, { kind: 'external' })
  })
}

/** How late timers were since the last reading. */
function observeEventLoop(meter: Meter): void {
  const delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  delays.enable()
  // Two readings may come closer together than the event loop is asked; then the last one stands.
  let measured: Record<string, number> = { '0.5': 0, '0.99': 0, '1': 0 }
  // The histogram holds the time between two ticks of a timer, so the wanted time is in it.
  const lag = (nanoseconds: number) =>
    Math.max(0, nanoseconds / NANOSECONDS - LAG_RESOLUTION_MS / 1000)
  gauge('haif_event_loop_lag_seconds', meter).addCallback((result) => {
    if (delays.count > 0) {
      const { max } = delays
      measured = { '0.5': delays.percentile(50), '0.99': delays.percentile(99), '1': max }
      delays.reset()
    }
    for (const [quantile, delay] of Object.entries(measured)) {
      result.observe(lag(delay), { quantile })
    }
  })
}
