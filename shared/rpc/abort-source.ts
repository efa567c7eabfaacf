/**
 * An abort controller that also tells plain functions. Every hop listens some times to each of its
 * requests, and a listener of a signal costs far more to add and to take away again.
 */
export class AbortSource extends AbortController {
  readonly #listeners = new Set<() => void>() // as many as those who wait for something of the request

  override abort(reason: Error): void {
    if (this.signal.aborted) return
    super.abort(reason)
    for (const listener of this.#listeners) listener()
  }

  /** Calls it when it is aborted, if that is still to come, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
