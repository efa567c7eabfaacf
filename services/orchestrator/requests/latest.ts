/** An async iterable of the latest value that was set: a slow reader skips what is out of date. */
export class Latest<Value> implements AsyncIterable<Value> {
  #value: Value | null = null
  #ended = false
  #wake: () => void = () => {}

  set(value: Value): void {
    this.#value = value
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, void> {
    while (!this.#ended) {
      const value = this.#value
      this.#value = null
      if (value === null) await new Promise<void>((resolve) => (this.#wake = resolve))
      else yield value
    }
  }
}
