/**
 * The text after which an answer is continued. Chat templates trim the end of a message, and
 * tokenizers put a space before a word and not after one: so the server gets the text without the
 * white space at its end, writes that space again, and here it is removed.
 */
export class ResumedText {
  /** The text for the server. */
  readonly prefix: string
  #expected: string

  constructor(text: string) {
    this.prefix = text.trimEnd()
    this.#expected = text.slice(this.prefix.length)
  }

  /** The characters, and so at most the tokens, that the server will write once more. */
  get repeatedCharacters(): number {
    return this.#expected.length
  }

  /** Returns the part of a piece that is new. */
  push(piece: string): string {
    let same = 0
    while (same < piece.length && same < this.#expected.length) {
      if (piece[same] !== this.#expected[same]) {
        this.#expected = '' // the continuation is a different one
        return piece.slice(same)
      }
      same++
    }
    this.#expected = this.#expected.slice(same)
    return piece.slice(same)
  }
}
