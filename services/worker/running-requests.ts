/** The requests that run on this worker, so that stopping can wait for them and then end them. */
import { HaifError } from '#shared/errors.ts'
import { AbortableRuns } from './abortable-runs.ts'

export interface RunningRequest extends Disposable {
  /** Aborted when the caller cancels, or when the worker stops and time is up. */
  readonly signal: AbortSignal
}

export class RunningRequests {
  readonly #runs = new AbortableRuns() // bounded by the streams of all connections
  #drained: Promise<void> | null = null
  #onEmpty: (() => void) | null = null

  get draining(): boolean {
    return this.#drained !== null
  }

  enter(caller: AbortSignal): RunningRequest {
    if (this.draining) throw new HaifError('SHUTTING_DOWN', 'this worker is stopping')
    const run = this.#runs.enter(caller)
    return {
      signal: run.signal,
      [Symbol.dispose]: () => {
        run[Symbol.dispose]()
        if (this.#runs.size === 0) this.#onEmpty?.()
      }
    }
  }

  /** Takes nothing new, waits for what runs, and ends with a clear error what has not ended by then. */
  drain(withinMs: number): Promise<void> {
    this.#drained ??= this.#drain(withinMs)
    return this.#drained
  }

  async #drain(withinMs: number): Promise<void> {
    if (this.#runs.size === 0) return
    const { promise: empty, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    const timer = setTimeout(() => {
      const reason = new HaifError('SHUTTING_DOWN', 'the worker stopped before the answer was done')
      this.#runs.abortAll(reason)
    }, withinMs)
    await empty
    clearTimeout(timer)
  }
}
