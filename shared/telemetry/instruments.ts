/**
 * Instruments by their name in `names.ts`. They measure with OpenTelemetry's API, so without an
 * SDK, as in a library or a test, they cost next to nothing. Make them after the SDK: when a
 * service is made, and not when a module is loaded.
 */
import {
  metrics,
  type Attributes,
  type Meter,
  type Observable,
  type ObservableGauge
} from '@opentelemetry/api'
import { Histogram, keyOf } from './histogram.ts'
import { METRICS, type MetricName } from './names.ts'

export const METER_NAME = 'haif'

const meterOfProcess = (): Meter => metrics.getMeter(METER_NAME)

/**
 * A sum that is kept here and handed over when the metrics are read: the SDK takes far longer to
 * add a number, and a request adds to some twenty sums on its way.
 */
class Sum {
  /** Bounded by the labels. */
  readonly #sums = new Map<string, { attributes: Attributes; value: number }>()

  constructor(instrument: Observable) {
    instrument.addCallback((result) => {
      for (const { value, attributes } of this.#sums.values()) result.observe(value, attributes)
    })
  }

  add(value: number, attributes: Attributes = {}): void {
    const key = keyOf(attributes)
    const sum = this.#sums.get(key)
    if (sum === undefined) this.#sums.set(key, { attributes, value })
    else sum.value += value
  }
}

/** One sum for each name: several services of a process add to the same. */
const sums = new WeakMap<Meter, Map<MetricName, Sum>>()

function sumOf(name: MetricName, meter: Meter, make: () => Observable): Sum {
  const ofMeter = sums.get(meter) ?? new Map<MetricName, Sum>()
  sums.set(meter, ofMeter)
  const sum = ofMeter.get(name) ?? new Sum(make())
  ofMeter.set(name, sum)
  return sum
}

export function counter(name: MetricName, meter = meterOfProcess()): Sum {
  const description = METRICS[name].help
  return sumOf(name, meter, () => meter.createObservableCounter(name, { description }))
}

export function upDownCounter(name: MetricName, meter = meterOfProcess()): Sum {
  const description = METRICS[name].help
  return sumOf(name, meter, () => meter.createObservableUpDownCounter(name, { description }))
}

const histograms = new WeakMap<Meter, Map<MetricName, Histogram>>()

/** A histogram of seconds, in the buckets of the table. One for each name, as for sums. */
export function histogram(name: MetricName, meter = meterOfProcess()): Histogram {
  const ofMeter = histogramsOf(meter)
  const metric = METRICS[name]
  const made = ofMeter.get(name) ?? new Histogram('buckets' in metric ? metric.buckets : [])
  ofMeter.set(name, made)
  return made
}

/** The histograms of a meter, which its metrics show beside what the SDK keeps. */
export function histogramsOf(meter: Meter): Map<MetricName, Histogram> {
  const ofMeter = histograms.get(meter) ?? new Map<MetricName, Histogram>()
  histograms.set(meter, ofMeter)
  return ofMeter
}

/** A gauge, whose callbacks run when the metrics are read. */
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
