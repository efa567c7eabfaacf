/** How many requests each caller may have running at the same time. */
import { HaifError } from '#shared/errors.ts'

const RETRY_AFTER_MS = 1000

export class ConcurrencyLimit {
  readonly #max: number
  readonly #running = new Map<string, number>() // one entry for each caller with requests running

  constructor(maxPerCaller: number) {
    this.#max = maxPerCaller
  }

  /** Counts a request until the returned function is called; throws RATE_LIMITED over the limit. */
  enter(caller: string): () => void {
    const running = this.#running.get(caller) ?? 0
    if (running >= this.#max) {
      throw new HaifError(
        'RATE_LIMITED',
        `you have ${running} requests running, and ${this.#max} are allowed at the same time`,
        { retryAfterMs: RETRY_AFTER_MS, details: { limit: this.#max } }
      )
    }
    this.#running.set(caller, running + 1)
    return () => this.#leave(caller)
  }

  #leave(caller: string): void {
    const running = (this.#running.get(caller) ?? 0) - 1
    if (running <= 0) this.#running.delete(caller)
    else this.#running.set(caller, running)
  }
}
