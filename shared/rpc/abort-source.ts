/**
 * An abort controller that also calls plain functions. Every hop listens several times to each of
 * its requests, and an event listener of a signal costs far more to add and to remove.
 */
export class AbortSource extends AbortController {
  /** One for each part of the program that waits for something of the request. */
  readonly #listeners = new Set<() => void>()

  override abort(reason: Error): void {
    if (this.signal.aborted) return
    super.abort(reason)
    for (const listener of this.#listeners) listener()
  }

  /**
   * Calls `listener` when the source is aborted from now on, until the returned function is called.
   */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
