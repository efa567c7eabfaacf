/**
 * Measurements of this process. Services know only OpenTelemetry's API: they are given `Metrics` and
 * measure with its meter. The SDK behind it is made once for each process, by what composes it.
 *
 * Metric names are written as Prometheus shows them, because the exporter adds no unit to a name.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'
import type { Meter } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'

export interface Metrics {
  readonly meter: Meter
  /** Everything measured so far, in Prometheus' text format. */
  render(): Promise<string>
}

const METER_NAME = 'haif'
/** How often the event loop is asked whether it is late: often enough to see 20 ms, and cheap. */
const LAG_RESOLUTION_MS = 20
const NANOSECONDS = 1e9

export function createMetrics(): Metrics {
  const reader = new PrometheusExporter({ preventServerStart: true })
  const serializer = new PrometheusSerializer('', false, undefined, true, true)
  const provider = new MeterProvider({ readers: [reader] })
  const meter = provider.getMeter(METER_NAME)
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
  meter
    .createObservableGauge('haif_process_memory_bytes', { description: 'Memory of the process' })
    .addCallback((gauge) => {
      const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
      gauge.observe(rss, { kind: 'resident' })
      gauge.observe(heapUsed, { kind: 'heap_used' })
      gauge.observe(heapTotal, { kind: 'heap_total' })
      gauge.observe(external, { kind: 'external' })
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
  meter
    .createObservableGauge('haif_event_loop_lag_seconds', {
      description: 'How late the event loop was since the last reading'
    })
    .addCallback((gauge) => {
      if (delays.count > 0) {
        const { max } = delays
        measured = { '0.5': delays.percentile(50), '0.99': delays.percentile(99), '1': max }
        delays.reset()
      }
      for (const [quantile, delay] of Object.entries(measured)) {
        gauge.observe(lag(delay), { quantile })
      }
    })
}
