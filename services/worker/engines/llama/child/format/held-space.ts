/** Text with the white space at its end held back: before a mark it belongs to the mark. */
export class HeldSpace {
  readonly #show: (text: string) => void
  #held = ''

  constructor(show: (text: string) => void) {
    this.#show = show
  }

  push(text: string): void {
    const known = this.#held + text
    const length = known.trimEnd().length
    const cut = known.length - length > HELD_MAX ? known.length : length
    if (cut > 0) this.#show(known.slice(0, cut))
    this.#held = known.slice(cut)
  }

  /** A mark follows. */
  drop(): void {
    this.#held = ''
  }

  /** The text is over. */
  flush(): void {
    if (this.#held !== '') this.#show(this.#held)
    this.#held = ''
  }
}

/** White space that goes on and on is no sign of a mark. */
const HELD_MAX = 64
