/**
 * Notices when an awaited answer does not come though its connection lives. One timer for a whole
 * request, moved when it fires or would fire too late, so that a token mostly costs nothing but a
 * look at the clock.
 */
export class Silence {
  readonly #now: () => number
  #timer: NodeJS.Timeout | null = null
  #firesAt = Infinity
  #awaitedSince = 0
  #boundMs = 0
  #onSilent: (() => void) | null = null

  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * An answer is awaited from now on; `onSilent` is called once if it takes longer than the bound.
   */
  await(boundMs: number, onSilent: () => void): void {
    this.#awaitedSince = this.#now()
    this.#boundMs = boundMs
    this.#onSilent = onSilent
    if (this.#timer === null || this.#awaitedSince + boundMs < this.#firesAt) this.#arm(boundMs)
  }

  /** The answer came; returns how long it took. The reader may now take its own time. */
  heard(): number {
    this.#onSilent = null
    return this.#now() - this.#awaitedSince
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#onSilent = null
  }

  #arm(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#firesAt = this.#now() + ms
    this.#timer = setTimeout(() => this.#check(), ms)
  }

  #check(): void {
    this.#timer = null
    const onSilent = this.#onSilent
    if (onSilent === null) return
    const left = this.#awaitedSince + this.#boundMs - this.#now()
    if (left > 0) {
      this.#arm(left)
      return
    }
    this.#onSilent = null
    onSilent()
  }
}
