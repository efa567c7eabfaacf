/**
 * Passes a stream on, each item through a function: `return yield* forward(stream, onItem)`.
 *
 * `yield*` gives on what comes, returns what the source returns and closes the source when the
 * reader leaves early. Without a look at the items `yield* stream` alone does it. This is no
 * generator of its own, because it stands where every token passes: with `yield*` it costs what a
 * loop written by hand costs, and a generator more would cost as much again.
 */
type Source<Item, End> = Pick<AsyncGenerator<Item, End, void>, 'next' | 'return'>

/**
 * `onItem` returns what is passed on. When it throws, the source is closed and the reader fails.
 */
export function forward<Item, End, Passed>(
  source: Source<Item, End>,
  onItem: (item: Item) => Passed
): AsyncGenerator<Passed, End, void> {
  return new Forwarded(source, onItem)
}

/** Tells a source that nobody reads it any more. Waits until it has cleaned up. */
export async function close(source: Pick<AsyncGenerator, 'return'>): Promise<void> {
  await source.return(undefined)
}

class Forwarded<Item, End, Passed> implements AsyncGenerator<Passed, End, void> {
  readonly #source: Source<Item, End>
  readonly #pass: (step: IteratorResult<Item, End>) => Step<Passed, End>

  constructor(source: Source<Item, End>, onItem: (item: Item) => Passed) {
    this.#source = source
    this.#pass = (step) => {
      if (step.done === true) return step
      try {
        return { done: false, value: onItem(step.value) }
      } catch (error) {
        return this.throw(error)
      }
    }
  }

  // `then` and not `await`: one turn of the queue less for each item.
  next(): Promise<IteratorResult<Passed, End>> {
    return this.#source.next().then(this.#pass)
  }

  async return(value: End | PromiseLike<End>): Promise<IteratorResult<Passed, End>> {
    await this.#source.return(value)
    return { done: true, value: await value }
  }

  async throw(error: unknown): Promise<never> {
    await close(this.#source)
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.#source)
  }
}

type Step<Item, End> = IteratorResult<Item, End> | Promise<IteratorResult<Item, End>>
