/** Lets so many pass in each second, as lines of a log under a flood of failures. */
export class RateLimit {
  readonly #perSecond: number
  #second = -1
  #passed = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** `now` in milliseconds, from any beginning. */
  passes(now: number): boolean {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#passed = 0
    }
    return ++this.#passed <= this.#perSecond
  }
}
