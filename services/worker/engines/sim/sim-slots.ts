/** Slots and KV memory of the simulated engine: who fits runs, the rest waits in order, within a bound. */
import { HaifError } from '#shared/errors.ts'

const WAITING_MAX = 256

interface Waiting {
  tokens: number
  resolve(): void
}

export class SimSlots {
  readonly #slots: number
  readonly #kvTokens: number
  readonly #waiting: Waiting[] = [] // at most WAITING_MAX
  #running = 0
  #heldTokens = 0

  constructor(slots: number, kvTokens: number) {
    this.#slots = slots
    this.#kvTokens = kvTokens
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Of the requests that run, what they may still write included. */
  get heldTokens(): number {
    return this.#heldTokens
  }

  /** Resolves with the function that gives the slot back. */
  async take(tokens: number, signal: AbortSignal): Promise<() => void> {
    if (this.#waiting.length >= WAITING_MAX) {
      throw new HaifError('WORKER_OVERLOADED', 'all slots are taken and the queue is full', {
        retryAfterMs: 1000
      })
    }
    if (this.#waiting.length > 0 || !this.#fits(tokens)) await this.#wait(tokens, signal)
    else this.#hold(tokens)
    let given = false
    return () => {
      if (given) return
      given = true
      this.#running--
      this.#heldTokens -= tokens
      this.#admit()
    }
  }

  #fits(tokens: number): boolean {
    if (this.#running >= this.#slots) return false
    return this.#running === 0 || this.#heldTokens + tokens <= this.#kvTokens
  }

  #hold(tokens: number): void {
    this.#running++
    this.#heldTokens += tokens
  }

  #admit(): void {
    let next = this.#waiting[0]
    while (next !== undefined && this.#fits(next.tokens)) {
      this.#waiting.shift()
      this.#hold(next.tokens)
      next.resolve()
      next = this.#waiting[0]
    }
  }

  async #wait(tokens: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = { tokens, resolve }
    const onAbort = () => {
      const at = this.#waiting.indexOf(waiting)
      if (at < 0) return // it has just got its slot
      this.#waiting.splice(at, 1)
      this.#admit()
      reject(signal.reason as Error)
    }
    this.#waiting.push(waiting)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
