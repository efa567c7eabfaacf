/** What runs for callers: each run is ended by its own caller, or all of them by us. */
export interface AbortableRun extends Disposable {
  readonly signal: AbortSignal
  abort(reason: unknown): void
}

/**
 * A controller of its own for each run that also follows its caller's signal: `AbortSignal.any` costs
 * more than all the rest of a simulated request.
 */
export class AbortableRuns {
  readonly #controllers = new Set<AbortController>() // bounded by whoever admits the runs

  get size(): number {
    return this.#controllers.size
  }

  /** Runs until it is disposed of. */
  enter(caller?: AbortSignal): AbortableRun {
    const controller = new AbortController()
    const onAbort = () => controller.abort(caller?.reason)
    if (caller?.aborted === true) onAbort()
    caller?.addEventListener('abort', onAbort, { once: true })
    this.#controllers.add(controller)
    return {
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      [Symbol.dispose]: () => {
        caller?.removeEventListener('abort', onAbort)
        this.#controllers.delete(controller)
      }
    }
  }

  abortAll(reason: unknown): void {
    for (const controller of this.#controllers) controller.abort(reason)
  }
}
