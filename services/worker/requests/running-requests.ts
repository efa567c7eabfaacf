/** The requests that run on this worker, so that stopping can wait for them and then end them. */
import { HaifError } from '#shared/errors.ts'
import { Drain } from '#shared/kit/drain.ts'
import type { ServerContext } from '#shared/rpc/router.ts'

type Running = Pick<ServerContext, 'abort'>

export class RunningRequests {
  readonly #drain = new Drain<Running>() // bounded by the streams of all connections

  get draining(): boolean {
    return this.#drain.isDraining
  }

  /** The request counts until it is disposed of; a drain that takes too long aborts it. */
  enter(request: Running): Disposable {
    if (this.draining) throw new HaifError('SHUTTING_DOWN', 'this worker is stopping')
    return { [Symbol.dispose]: this.#drain.enter(request) }
  }

  /** Refuses new requests, waits for running ones, ends those that take too long with an error. */
  drain(withinMs: number): Promise<void> {
    const reason = new HaifError('SHUTTING_DOWN', 'the worker stopped before the answer was done')
    return this.#drain.drain(withinMs, (request) => request.abort(reason))
  }
}
