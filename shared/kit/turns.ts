/**
 * Lets work be done one after the other: first come, first served, and a turn lasts until it is
 * given back.
 */
import assert from 'node:assert/strict'

export class Turns {
  readonly #waiting: { who: object; go: () => void }[] = [] // as many as those who take turns
  #holder: object | null = null

  /** True while it is nobody's turn. */
  get isFree(): boolean {
    return this.#holder === null
  }

  holds(who: object): boolean {
    return this.#holder === who
  }

  /** Does the work when its turn has come. A failure is the caller's: the next one has its turn. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.take({})
    try {
      return await work()
    } finally {
      this.give()
    }
  }

  /** Resolves when it is this one's turn, which is at once for whoever has it already. */
  async take(who: object): Promise<void> {
    if (this.#holder === who) return
    if (this.#holder === null) {
      this.#holder = who
      return
    }
    await new Promise<void>((go) => this.#waiting.push({ who, go }))
  }

  give(): void {
    assert(this.#holder !== null, 'a turn was given back that nobody has')
    const next = this.#waiting.shift()
    this.#holder = next?.who ?? null
    next?.go()
  }
}
