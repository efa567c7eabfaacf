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

  /** It runs until it is disposed of; aborted when the worker stops and time is up. */
  enter(request: Running): Disposable {
    if (this.draining) throw new HaifError('SHUTTING_DOWN', 'this worker is stopping')
    return { [Symbol.dispose]: this.#drain.enter(request) }
  }

  /** Takes nothing new, waits for what runs, and ends with a clear error what has not ended by then. */
  drain(withinMs: number): Promise<void> {
    const reason = new HaifError('SHUTTING_DOWN', 'the worker stopped before the answer was done')
    return this.#drain.drain(withinMs, (request) => request.abort(reason))
  }
}
