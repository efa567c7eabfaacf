/** How many requests each caller may have running at this gateway, whatever else is allowed. */
import { HaifError } from '#shared/errors.ts'

const RETRY_AFTER_MS = 1000

export class Concurrency {
  readonly #max: number
  readonly #running = new Map<string, number>() // one entry for each caller with requests running

  constructor(maxPerCaller: number) {
    this.#max = maxPerCaller
  }

  /** Counts a request until the returned function is called; throws RATE_LIMITED over the limit. */
  enter(caller: string): () => void {
    const running = this.#running.get(caller) ?? 0
    if (running >= this.#max) throw tooManyRunning(this.#max)
    this.#running.set(caller, running + 1)
    return () => this.#leave(caller)
  }

  #leave(caller: string): void {
    const running = (this.#running.get(caller) ?? 0) - 1
    if (running <= 0) this.#running.delete(caller)
    else this.#running.set(caller, running)
  }
}

export function tooManyRunning(max: number): HaifError {
  return new HaifError(
    'RATE_LIMITED',
    `you have too many requests running: ${max} are allowed at the same time`,
    { retryAfterMs: RETRY_AFTER_MS, details: { limit: max } }
  )
}
