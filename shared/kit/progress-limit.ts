/**
 * Ends what has stopped getting on, and not what takes long: the limit begins anew whenever the
 * progress has changed.
 */
export class ProgressLimit {
  readonly #limitMs: number
  readonly #progress: () => number
  #last = NaN
  #changedAt = 0

  constructor(limitMs: number, progress: () => number) {
    this.#limitMs = limitMs
    this.#progress = progress
  }

  /** To be asked again and again, far more often than once in the limit. */
  isOver(now: number): boolean {
    const progress = this.#progress()
    if (progress !== this.#last) {
      this.#last = progress
      this.#changedAt = now
    }
    return now - this.#changedAt >= this.#limitMs
  }
}
