/** The requests that a model has now, counted for each peer that has sent some. */
export class ModelUsers {
  readonly #counts = new Map<string, number>() // one entry for each peer with requests here

  /** Of all peers. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  of(peerKey: string): number {
    return this.#counts.get(peerKey) ?? 0
  }

  /** Counts a request until the returned function is called, which is once. */
  enter(peerKey: string): () => void {
    this.#counts.set(peerKey, this.of(peerKey) + 1)
    return () => {
      const left = this.of(peerKey) - 1
      if (left <= 0) this.#counts.delete(peerKey)
      else this.#counts.set(peerKey, left)
    }
  }
}
