/**
 * A semaphore with a bounded line: who finds no free slot waits in it, first come, first served,
 * and may withdraw.
 *
 * Each taker may have a weight, and the weights of all who hold a slot stay within a bound too. One
 * that is heavier than the bound gets a slot alone, because otherwise it would wait for ever.
 */
import { addAbortListener } from 'node:events'

interface SlotsOptions {
  count: number
  weightMax?: number
  waitingMax: number
  /** Makes the error for whoever finds the line full. */
  full: () => Error
}

export class Slots {
  readonly #options: SlotsOptions
  /** In the order of their coming; at most `waitingMax`. */
  readonly #waiting = new Set<{ weight: number; go: () => void }>()
  #running = 0
  #weight = 0

  constructor(options: SlotsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#options.count
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** The weight of all who hold a slot. */
  get weight(): number {
    return this.#weight
  }

  /** Resolves with the function that gives the slot back; rejects with the signal's reason. */
  async take(signal: AbortSignal, weight = 0): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#waiting.size > 0 || !this.#fits(weight)) await this.#wait(signal, weight)
    else this.#hold(weight)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#running--
      this.#weight -= weight
      this.#admit()
    }
  }

  #fits(weight: number): boolean {
    const { count, weightMax = Infinity } = this.#options
    if (this.#running >= count) return false
    return this.#running === 0 || this.#weight + weight <= weightMax
  }

  #hold(weight: number): void {
    this.#running++
    this.#weight += weight
  }

  /** Counts a slot as taken before its new holder runs, so that nobody takes it in between. */
  #admit(): void {
    for (const next of this.#waiting) {
      if (!this.#fits(next.weight)) return
      this.#waiting.delete(next)
      this.#hold(next.weight)
      next.go()
    }
  }

  async #wait(signal: AbortSignal, weight: number): Promise<void> {
    if (this.#waiting.size >= this.#options.waitingMax) throw this.#options.full()
    const { promise, resolve: go, reject } = Promise.withResolvers<void>()
    const waiting = { weight, go }
    this.#waiting.add(waiting)
    using listening = addAbortListener(signal, () => {
      if (!this.#waiting.delete(waiting)) return // it has just got its slot
      reject(signal.reason as Error)
      this.#admit() // a lighter one may have stood behind it
    })
    await promise
  }
}
