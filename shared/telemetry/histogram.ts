/**
 * A histogram that is kept here and handed over when somebody reads the metrics: the SDK writes the
 * labels of each value as JSON, and a request has a dozen values on its way.
 */
import type { Attributes } from '@opentelemetry/api'

/** The values with the same labels. */
interface Distribution {
  readonly attributes: Attributes
  /** How many values each bucket has; one bucket more than there are bounds. */
  readonly counts: number[]
  count: number
  sum: number
}

export class Histogram {
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[]
  readonly #distributions = new Map<string, Distribution>() // bounded by the labels

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
  }

  /** A value that is no duration is left out, as the SDK does. */
  record(value: number, attributes: Attributes = {}): void {
    if (!(value >= 0)) return
    const { bounds } = this
    const distribution = this.#of(attributes)
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    distribution.counts[bucket]!++
    distribution.count++
    distribution.sum += value
  }

  distributions(): Distribution[] {
    return [...this.#distributions.values()]
  }

  #of(attributes: Attributes): Distribution {
    const key = keyOf(attributes)
    const known = this.#distributions.get(key)
    if (known !== undefined) return known
    const counts = Array.from({ length: this.bounds.length + 1 }, () => 0)
    const distribution = { attributes, counts, count: 0, sum: 0 }
    this.#distributions.set(key, distribution)
    return distribution
  }
}

/** Labels as one text; the names in it are always the same for one metric. */
export function keyOf(attributes: Attributes): string {
  let key = ''
  for (const label in attributes) key += `${String(attributes[label])}\n`
  return key
}
