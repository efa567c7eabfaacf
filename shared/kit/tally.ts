/** Counts those who are inside, for each key. A key with nobody inside takes no memory. */
export class Tally<Key> {
  readonly #counts = new Map<Key, number>() // one entry for each key with somebody inside
  #total = 0

  get total(): number {
    return this.#total
  }

  of(key: Key): number {
    return this.#counts.get(key) ?? 0
  }

  /** Counts one more until the returned function is called; calling it again does nothing. */
  enter(key: Key): () => void {
    this.#counts.set(key, this.of(key) + 1)
    this.#total++
    let isInside = true
    return () => {
      if (isInside) this.#leave(key)
      isInside = false
    }
  }

  #leave(key: Key): void {
    this.#total--
    const left = this.of(key) - 1
    if (left === 0) this.#counts.delete(key)
    else this.#counts.set(key, left)
  }
}
