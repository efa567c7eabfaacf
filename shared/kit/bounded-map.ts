/**
 * A map with a bound: one entry more than that, and the oldest goes. The bound is an argument, so that
 * no map of ours can grow for ever because somebody forgot a comment.
 *
 * An entry is as old as its last `set`. Setting again what was read makes it a cache that forgets what
 * was not used for longest.
 */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #max: number

  constructor(max: number) {
    super()
    this.#max = max
  }

  override set(key: Key, value: Value): this {
    this.delete(key)
    super.set(key, value)
    if (this.size <= this.#max) return this
    for (const oldest of this.keys()) {
      this.delete(oldest)
      break
    }
    return this
  }
}
