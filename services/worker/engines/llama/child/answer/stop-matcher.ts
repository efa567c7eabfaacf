/**
 * Finds stop texts in a text that arrives in pieces. The end of what is known may be the beginning
 * of a stop text; it is held back until the next piece decides. Of several stop texts that overlap,
 * the one that is complete first ends the text, so that it does not matter how the text was cut.
 */
export class StopMatcher {
  readonly #stops: readonly string[]
  #held = ''
  #found: string | null = null

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  get stopped(): boolean {
    return this.#found !== null
  }

  /** The stop text that was found. */
  get found(): string | null {
    return this.#found
  }

  /** Returns what may be shown; nothing after a stop text has been found. */
  push(text: string): string {
    if (this.stopped) return ''
    const known = this.#held + text
    const stop = this.#firstStop(known)
    if (stop !== null) {
      this.#found = stop.text
      this.#held = ''
      return known.slice(0, stop.at)
    }
    const heldFrom = known.length - heldBack(known, this.#stops)
    this.#held = known.slice(heldFrom)
    return known.slice(0, heldFrom)
  }

  /** The text is over: what was held back was no stop text. */
  flush(): string {
    const text = this.#held
    this.#held = ''
    return text
  }

  /** The stop text that is complete first, and where; the longest, when two end together. */
  #firstStop(text: string): { text: string; at: number } | null {
    let first: { text: string; at: number } | null = null
    let firstEnd = Infinity
    for (const stop of this.#stops) {
      const at = text.indexOf(stop)
      if (at === -1) continue
      const end = at + stop.length
      if (end < firstEnd || (end === firstEnd && first !== null && at < first.at)) {
        first = { text: stop, at }
        firstEnd = end
      }
    }
    return first
  }
}

/** Length of the longest end of `text` that begins one of the marks. */
export function heldBack(text: string, marks: readonly string[]): number {
  let longest = 0
  for (const mark of marks) {
    for (let length = Math.min(mark.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(mark.slice(0, length))) {
        longest = length
        break
      }
    }
  }
  return longest
}
