/**
 * Instruments by their name in `names.ts`. They measure with OpenTelemetry's API, so where no SDK is
 * installed, as in a library or a test, they cost next to nothing. To be made after the SDK, that is
 * when a service is made and not when a module is loaded.
 */
import {
  metrics,
  type Counter,
  type Histogram,
  type Meter,
  type ObservableGauge,
  type UpDownCounter
} from '@opentelemetry/api'
import { METRICS, type MetricName } from './names.ts'

export const METER_NAME = 'haif'

const meterOfProcess = (): Meter => metrics.getMeter(METER_NAME)

export function counter(name: MetricName, meter = meterOfProcess()): Counter {
  return meter.createCounter(name, { description: METRICS[name].help })
}

export function upDownCounter(name: MetricName, meter = meterOfProcess()): UpDownCounter {
  return meter.createUpDownCounter(name, { description: METRICS[name].help })
}

/** Of seconds, in the buckets of the table. */
export function histogram(name: MetricName, meter = meterOfProcess()): Histogram {
  const { help, ...rest } = METRICS[name]
  const advice = 'buckets' in rest ? { explicitBucketBoundaries: [...rest.buckets] } : {}
  return meter.createHistogram(name, { description: help, advice })
}

/** Asked when somebody reads the metrics. */
export function gauge(name: MetricName, meter = meterOfProcess()): ObservableGauge {
  return meter.createObservableGauge(name, { description: METRICS[name].help })
}

/** Label values that come from outside are bounded: what comes after the first `max` is `other`. */
export class LabelValues {
  readonly #seen = new Set<string>() // at most #max
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= this.#max) return 'other'
    this.#seen.add(value)
    return value
  }
}
