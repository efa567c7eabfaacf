/** One after the other: first come, first served, and whoever has its turn keeps it until it gives it on. */
export class Turns {
  readonly #waiting: { who: object; go: () => void }[] = [] // as many as those who take turns
  #holder: object | null = null

  /** Whether it is nobody's turn. */
  get isFree(): boolean {
    return this.#holder === null
  }

  holds(who: object): boolean {
    return this.#holder === who
  }

  /** Does the work when its turn has come. A failure is the caller's, and the next one goes on. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.take({})
    try {
      return await work()
    } finally {
      this.give()
    }
  }

  /** At once for whoever holds the turn already. */
  async take(who: object): Promise<void> {
    if (this.#holder === who) return
    if (this.#holder === null) {
      this.#holder = who
      return
    }
    await new Promise<void>((go) => this.#waiting.push({ who, go }))
  }

  give(): void {
    const next = this.#waiting.shift()
    this.#holder = next?.who ?? null
    next?.go()
  }
}
