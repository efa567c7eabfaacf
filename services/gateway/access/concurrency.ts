/** How many requests each caller may have running at this gateway, whatever else is allowed. */
import { HaifError } from '#shared/errors.ts'
import { Tally } from '#shared/kit/tally.ts'

const RETRY_AFTER_MS = 1000

export class Concurrency {
  readonly #max: number
  readonly #running = new Tally<string>() // requests, by caller

  constructor(maxPerCaller: number) {
    this.#max = maxPerCaller
  }

  /** Counts a request until the returned function is called; throws RATE_LIMITED over the limit. */
  enter(caller: string): () => void {
    if (this.#running.of(caller) >= this.#max) throw tooManyRunning(this.#max)
    return this.#running.enter(caller)
  }
}

export function tooManyRunning(max: number): HaifError {
  return new HaifError(
    'RATE_LIMITED',
    `you have too many requests running: ${max} are allowed at the same time`,
    { retryAfterMs: RETRY_AFTER_MS, details: { limit: max } }
  )
}
