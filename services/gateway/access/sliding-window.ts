/**
 * How much was let in within the last while, so that no window of that length, wherever it begins, ever
 * holds more than the limit. A counter that starts anew each minute would let twice as much through
 * around the turn, and a token bucket its burst on top.
 *
 * Time is cut into buckets, and what was let in is forgotten a bucket late rather than early. So the
 * limit is exact, and the full rate is reached up to one bucket (a sixtieth) less.
 */
export const BUCKETS = 60

export interface Reading {
  /** Let in within the window. */
  used: number
  /** Until nothing of it counts any more. */
  resetMs: number
}

export const bucketMsOf = (windowMs: number): number => windowMs / BUCKETS
export const bucketOf = (windowMs: number, now: number): number =>
  Math.floor(now / bucketMsOf(windowMs))

export class SlidingWindow {
  readonly #windowMs: number
  readonly #amounts = new Map<number, number>() // at most BUCKETS + 1, in order of time
  #used = 0

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  read(now: number): Reading {
    this.#forget(now)
    return { used: this.#used, resetMs: this.#goneAt(bucketOf(this.#windowMs, now)) - now }
  }

  add(amount: number, now: number): void {
    const bucket = bucketOf(this.#windowMs, now)
    this.#amounts.set(bucket, (this.#amounts.get(bucket) ?? 0) + amount)
    this.#used += amount
  }

  /** More or less was used of what was let in `at` that time; what is forgotten stays so. */
  correct(by: number, at: number): void {
    const bucket = bucketOf(this.#windowMs, at)
    const before = this.#amounts.get(bucket)
    if (before === undefined) return
    const amount = Math.max(0, before + by)
    this.#amounts.set(bucket, amount)
    this.#used += amount - before
  }

  /** Until so much would fit; `Infinity` when it never does. */
  waitMs(amount: number, limit: number, now: number): number {
    this.#forget(now)
    if (amount > limit) return Infinity
    let used = this.#used
    if (used + amount <= limit) return 0
    for (const [bucket, part] of this.#amounts) {
      used -= part
      if (used + amount <= limit) return this.#goneAt(bucket) - now
    }
    return this.#windowMs
  }

  #goneAt(bucket: number): number {
    return (bucket + BUCKETS + 1) * bucketMsOf(this.#windowMs)
  }

  #forget(now: number): void {
    const oldest = bucketOf(this.#windowMs, now) - BUCKETS
    for (const [bucket, amount] of this.#amounts) {
      if (bucket >= oldest) return
      this.#amounts.delete(bucket)
      this.#used -= amount
    }
  }
}
