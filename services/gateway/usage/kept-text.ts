/** The beginning of a prompt or an answer, for tenants that have theirs kept. */

/** Characters of each. A row waits on the disk of a gateway while the database is away. */
const KEPT_MAX = 16_384

export class KeptText {
  #text: string

  constructor(text = '') {
    this.#text = cut(text)
  }

  get text(): string {
    return this.#text
  }

  add(text: string): void {
    if (this.#text.length < KEPT_MAX) this.#text = cut(this.#text + text)
  }
}

const cut = (text: string): string =>
  // Postgres stores no NUL.
  (text.length <= KEPT_MAX ? text : `${text.slice(0, KEPT_MAX - 1)}…`).replaceAll('\0', '\uFFFD')
