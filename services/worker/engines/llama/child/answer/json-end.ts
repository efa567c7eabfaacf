/**
 * Finds where a JSON object ends in a text that arrives in pieces. The grammar allows nothing but
 * an end token there, which costs one more step and which some vocabularies do not have.
 */
export class JsonEnd {
  #depth = 0
  #inString = false
  #escaped = false

  /** Characters of the piece up to the end of the object; -1: it goes on. */
  push(text: string): number {
    for (let at = 0; at < text.length; at++) if (this.#endsWith(text[at]!)) return at + 1
    return -1
  }

  #endsWith(character: string): boolean {
    if (this.#escaped) this.#escaped = false
    else if (this.#inString) {
      if (character === '\\') this.#escaped = true
      else if (character === '"') this.#inString = false
    } else if (character === '"') this.#inString = true
    else if (character === '{' || character === '[') this.#depth++
    else if (character === '}' || character === ']') return --this.#depth === 0
    return false
  }
}
