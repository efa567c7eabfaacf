/** Runs that each caller can abort, and the engine all of them. */
export interface AbortableRun extends Disposable {
  readonly signal: AbortSignal
  abort(reason: unknown): void
}

/**
 * Each run has a controller that also follows its caller's signal: `AbortSignal.any` costs more
 * than all the rest of a simulated request.
 */
export class AbortableRuns {
  readonly #controllers = new Set<AbortController>() // whoever admits the runs bounds them

  get size(): number {
    return this.#controllers.size
  }

  /** Begins a run, which lasts until it is disposed. */
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
