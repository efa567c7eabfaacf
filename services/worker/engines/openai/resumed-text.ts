/**
 * An answer that is continued after a text. Chat templates trim the end of a message, and tokenizers
 * put a space before a word and not after one: so the server is given the text without the white
 * space at its end, writes that space again, and here it is taken off.
 */
export class ResumedText {
  /** What the server is given. */
  readonly prefix: string
  #expected: string

  constructor(text: string) {
    this.prefix = text.trimEnd()
    this.#expected = text.slice(this.prefix.length)
  }

  /** White space that the server will write once more, in characters: tokens at most. */
  get repeatedCharacters(): number {
    return this.#expected.length
  }

  /** What a piece of the continuation adds to the text. */
  push(piece: string): string {
    let same = 0
    while (same < piece.length && same < this.#expected.length) {
      if (piece[same] !== this.#expected[same]) {
        this.#expected = '' // it goes on otherwise
        return piece.slice(same)
      }
      same++
    }
    this.#expected = this.#expected.slice(same)
    return piece.slice(same)
  }
}
