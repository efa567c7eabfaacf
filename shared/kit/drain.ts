/**
 * Keeps count of the work that runs, so that a stop can be clean. Once a drain has begun nothing
 * new should begin; what runs has some time to end, and what has not ended by then is ended.
 */
import { within } from './within.ts'

export class Drain<Work extends object> {
  readonly #running = new Set<Work>() // the owner says what bounds it
  readonly #empty = Promise.withResolvers<void>()
  #drained: Promise<void> | null = null

  get isDraining(): boolean {
    return this.#drained !== null
  }

  get size(): number {
    return this.#running.size
  }

  /** The work runs until the returned function is called. */
  enter(work: Work): () => void {
    this.#running.add(work)
    return () => {
      this.#running.delete(work)
      if (this.isDraining && this.#running.size === 0) this.#empty.resolve()
    }
  }

  /** Resolves when nothing runs any more; `end` is called for what still does after `withinMs`. */
  drain(withinMs: number, end: (work: Work) => void): Promise<void> {
    this.#drained ??= this.#drain(withinMs, end)
    return this.#drained
  }

  async #drain(withinMs: number, end: (work: Work) => void): Promise<void> {
    if (this.#running.size === 0) return
    await within(withinMs, this.#empty.promise)
    for (const work of this.#running) end(work)
    await this.#empty.promise
  }
}
