/**
 * A map with a bound: when it has one entry too many, the oldest goes. The bound is an argument of
 * the constructor, because a bound that is only a comment beside a `Map` is forgotten sooner or
 * later.
 *
 * An entry is as old as its last `set`. A cache that sets an entry again whenever it is read
 * forgets the least recently used one.
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
