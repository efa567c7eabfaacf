/** The requests that run on this worker, so that stopping can wait for them and then end them. */
import { HaifError } from '#shared/errors.ts'
import type { ServerContext } from '#shared/rpc/router.ts'

type Running = Pick<ServerContext, 'abort'>

export class RunningRequests {
  readonly #running = new Set<Running>() // bounded by the streams of all connections
  #drained: Promise<void> | null = null
  #onEmpty: (() => void) | null = null

  get draining(): boolean {
    return this.#drained !== null
  }

  /** It runs until it is disposed of; aborted when the worker stops and time is up. */
  enter(request: Running): Disposable {
    if (this.draining) throw new HaifError('SHUTTING_DOWN', 'this worker is stopping')
    this.#running.add(request)
    return {
      [Symbol.dispose]: () => {
        this.#running.delete(request)
        if (this.#running.size === 0) this.#onEmpty?.()
      }
    }
  }

  /** Takes nothing new, waits for what runs, and ends with a clear error what has not ended by then. */
  drain(withinMs: number): Promise<void> {
    this.#drained ??= this.#drain(withinMs)
    return this.#drained
  }

  async #drain(withinMs: number): Promise<void> {
    if (this.#running.size === 0) return
    const { promise: empty, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    const timer = setTimeout(() => {
      const reason = new HaifError('SHUTTING_DOWN', 'the worker stopped before the answer was done')
      for (const request of this.#running) request.abort(reason)
    }, withinMs)
    await empty
    clearTimeout(timer)
  }
}
