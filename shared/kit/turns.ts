/**
 * Who may use the one session of the embedded database: first come, first served, and whoever has
 * begun a transaction keeps it until its end.
 */
export class Turns<Who extends object> {
  readonly #waiting: { who: Who; go: () => void }[] = [] // at most one for each connection
  #holder: Who | null = null

  holds(who: Who): boolean {
    return this.#holder === who
  }

  async take(who: Who): Promise<void> {
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
