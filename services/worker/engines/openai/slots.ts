/**
 * How many requests are with the server at once. The others wait here, in order and within a bound,
 * where they can be withdrawn without the server having heard of them.
 */
import { HaifError } from '#shared/errors.ts'

const WAITING_MAX = 256
const RETRY_AFTER_MS = 1_000

export class Slots {
  readonly count: number
  #running = 0
  readonly #waiting = new Set<() => void>() // at most WAITING_MAX

  constructor(count: number) {
    this.count = count
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Resolves with the function that gives the slot back; rejects with the signal's reason. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#running < this.count) this.#running++
    else await this.#wait(signal)
    return () => this.#giveBack()
  }

  /** The slot goes to whoever has waited longest, so it is never free in between. */
  #giveBack(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#running--
    else next()
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new HaifError(
        'WORKER_OVERLOADED',
        `all ${this.count} slots are taken and ${WAITING_MAX} requests wait: try again later`,
        { retryAfterMs: RETRY_AFTER_MS }
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onTurn = () => {
      this.#waiting.delete(onTurn)
      resolve()
    }
    const onAbort = () => {
      if (this.#waiting.delete(onTurn)) reject(signal.reason as Error)
    }
    this.#waiting.add(onTurn)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
