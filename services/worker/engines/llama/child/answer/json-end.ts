/**
 * Finds where a JSON value ends in a text that arrives in pieces. The grammar allows nothing but an
 * end token there, which costs one more step and which some vocabularies do not have. Only of a
 * number it cannot be told: a further digit might follow.
 */
export class JsonEnd {
  #depth = 0
  #inString = false
  #escaped = false
  #word = ''

  /** Characters of the piece up to the end of the value; -1: it goes on. */
  push(text: string): number {
    for (let at = 0; at < text.length; at++) if (this.#endsWith(text[at]!)) return at + 1
    return -1
  }

  #endsWith(character: string): boolean {
    if (this.#escaped) this.#escaped = false
    else if (this.#inString) {
      if (character === '\\') this.#escaped = true
      else if (character === '"') return this.#closes('string')
    } else if (character === '"') this.#inString = true
    else if (character === '{' || character === '[') this.#depth++
    else if (character === '}' || character === ']') return this.#closes('brackets')
    else if (this.#depth === 0) return WORDS.has((this.#word += character))
    return false
  }

  #closes(what: 'string' | 'brackets'): boolean {
    if (what === 'string') this.#inString = false
    else this.#depth--
    return this.#depth === 0
  }
}

/** The values that are words; a number never becomes one of them. */
const WORDS: ReadonlySet<string> = new Set(['true', 'false', 'null'])
