/**
 * Finds stop texts in a text that arrives in pieces. The end of what is known may be the beginning
 * of a stop text; it is held back until the next piece decides.
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

  #firstStop(text: string): number {
    let first = -1
    for (const stop of this.#stops) {
      const at = text.indexOf(stop)
      if (at !== -1 && (first === -1 || at < first)) first = at
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
