/**
 * The first seconds of an orchestrator. It knows no worker until they have found it, so a request
 * that comes early waits for one instead of being refused: workers that were here before a restart
 * are on their way. Once the first has come, the others are not far.
 */
import type { RequestContext } from '#shared/rpc/context.ts'

/** The part of the time that the other workers get, once the first has come. */
const OTHERS_PART = 0.25

export class WarmUp {
  readonly #settleMs: number
  readonly #now: () => number
  #until = 0
  #hasWorker = false
  readonly #waiting = new Set<() => void>() // bounded by the streams of the mesh

  constructor(deps: { settleMs: number; now: () => number }) {
    this.#settleMs = deps.settleMs
    this.#now = deps.now
  }

  start(): void {
    this.#until = this.#now() + this.#settleMs
  }

  get isOver(): boolean {
    return this.#now() >= this.#until
  }

  /** A worker has reported the models it holds. */
  reported(): void {
    if (!this.#hasWorker) {
      this.#hasWorker = true
      this.#until = Math.min(this.#until, this.#now() + this.#settleMs * OTHERS_PART)
    }
    for (const wake of this.#waiting) wake()
  }

  /** Resolves when the condition holds or the time is over; rejects when the request is aborted. */
  async wait(condition: () => boolean, context: RequestContext): Promise<void> {
    const { signal } = context
    while (!this.isOver && !condition()) {
      signal.throwIfAborted()
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, this.#until - this.#now())
      const stopListening = context.onAbort(resolve)
      this.#waiting.add(resolve)
      await promise
      clearTimeout(timer)
      stopListening()
      this.#waiting.delete(resolve)
    }
    signal.throwIfAborted()
  }
}
