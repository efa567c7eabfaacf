/**
 * Finds stop texts in a text that arrives in pieces. The end of what is known may be the beginning
 * of a stop text; it is held back until the next piece decides. Of several stop texts that overlap,
 * the one that is complete first ends the text, so that it does not matter how the text was cut.
 */
export class StopMatcher {
  readonly #stops: readonly string[]
  #held = ''
  #stopped = false

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Returns what may be shown; nothing after a stop text has been found. */
  push(text: string): string {
    if (this.#stopped) return ''
    const known = this.#held + text
    const end = this.#firstStop(known)
    if (end !== -1) {
      this.#stopped = true
      this.#held = ''
      return known.slice(0, end)
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

  /** Where the stop text that is complete first begins; the longest, when two end together. */
  #firstStop(text: string): number {
    let first = -1
    let firstEnd = Infinity
    for (const stop of this.#stops) {
      const at = text.indexOf(stop)
      if (at === -1) continue
      const end = at + stop.length
      if (end < firstEnd || (end === firstEnd && at < first)) {
        first = at
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
