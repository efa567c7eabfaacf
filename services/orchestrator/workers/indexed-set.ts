/** A set that can be drawn from at random in constant time, however large it is. */
export class IndexedSet<Item> {
  readonly #items: Item[] = []
  readonly #at = new Map<Item, number>()

  get size(): number {
    return this.#items.length
  }

  add(item: Item): void {
    if (this.#at.has(item)) return
    this.#at.set(item, this.#items.length)
    this.#items.push(item)
  }

  delete(item: Item): void {
    const at = this.#at.get(item)
    if (at === undefined) return
    const last = this.#items.pop()!
    if (last !== item) {
      this.#items[at] = last
      this.#at.set(last, at)
    }
    this.#at.delete(item)
  }

  /**
   * Up to `count` different items in random places; all of them when there are no more. `random` is
   * in [0, 1).
   */
  sample(count: number, random: () => number): Item[] {
    const { length } = this.#items
    if (length <= count) return [...this.#items]
    const picked = new Set<number>()
    while (picked.size < count) picked.add(Math.floor(random() * length))
    return [...picked].map((at) => this.#items[at]!)
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.#items[Symbol.iterator]()
  }
}
