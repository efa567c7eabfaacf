/** The requests that run on this worker, so that stopping can wait for them and then end them. */
import { HaifError } from '#shared/errors.ts'
import { Drain } from '#shared/kit/drain.ts'
import type { ServerContext } from '#shared/rpc/router.ts'

type Running = Pick<ServerContext, 'abort'>

export class RunningRequests {
  readonly #drain = new Drain<Running>() // bounded by the streams of all connections

  /** Takes nothing new until it is false again; what runs goes on. */
  paused = false

  get count(): number {
    return this.#drain.size
  }

  get draining(): boolean {
    return this.#drain.isDraining || this.paused
  }

  /** The request counts until it is disposed of; a drain that takes too long aborts it. */
  enter(request: Running): Disposable {
    if (this.#drain.isDraining) throw new HaifError('SHUTTING_DOWN', 'this worker is stopping')
    // It was on its way when the pause came: another worker takes it.
    if (this.paused) throw new HaifError('WORKER_OVERLOADED', 'this worker is paused')
    return { [Symbol.dispose]: this.#drain.enter(request) }
  }

  /** Refuses new requests, waits for running ones, ends those that take too long with an error. */
  drain(withinMs: number): Promise<void> {
    const reason = new HaifError('SHUTTING_DOWN', 'the worker stopped before the answer was done')
    return this.#drain.drain(withinMs, (request) => request.abort(reason))
  }
}
