/** How many requests may run at the same time, of each caller, token and tenant. */
import { HaifError } from '#shared/errors.ts'

const RETRY_AFTER_MS = 1000

export interface ConcurrencyAsk {
  key: string
  max: number
}

export class Concurrency {
  readonly #running = new Map<string, number>() // one entry for each key with requests running

  /** Counts a request until the returned function is called; throws RATE_LIMITED over a limit. */
  enter(asks: readonly ConcurrencyAsk[]): () => void {
    for (const { key, max } of asks) this.#assertRoom(key, max)
    for (const { key } of asks) this.#running.set(key, this.#count(key) + 1)
    return () => {
      for (const { key } of asks) this.#leave(key)
    }
  }

  #assertRoom(key: string, max: number): void {
    const running = this.#count(key)
    if (running < max) return
    throw new HaifError(
      'RATE_LIMITED',
      `you have ${running} requests running, and ${max} are allowed at the same time`,
      { retryAfterMs: RETRY_AFTER_MS, details: { limit: max } }
    )
  }

  #count(key: string): number {
    return this.#running.get(key) ?? 0
  }

  #leave(key: string): void {
    const running = this.#count(key) - 1
    if (running <= 0) this.#running.delete(key)
    else this.#running.set(key, running)
  }
}
