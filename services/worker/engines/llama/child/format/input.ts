/**
 * The text of an answer while it is written, for readers that are generators: a reader takes what
 * is there and yields when it has to see more. Its state follows from the text alone, never from
 * how the text was cut.
 *
 * A reader that tries something saves its place before and may go back to it.
 */
import { heldBack } from '../answer/stop-matcher.ts'

/** Reads from an input; yields whenever it needs more text than there is. */
export type Reading<Result> = Generator<undefined, Result, undefined>

export class Input {
  #known = ''
  #at = 0
  #ended = false
  /** Text that was read since the first saved place, without what is read of `#known`. */
  #kept: string[] = []
  #keptLength = 0
  #saves = 0
  /** Characters before `#known`. */
  #offset = 0

  /** Called by whoever has the text, between two steps of the reader. */
  push(piece: string): void {
    if (this.#saves > 0) this.#keep(this.#known.slice(0, this.#at))
    this.#offset += this.#at
    this.#known = this.#known.slice(this.#at) + piece
    this.#at = 0
  }

  /** No more text will come. */
  end(): void {
    this.#ended = true
  }

  /** The text that is there and not yet read. */
  get rest(): string {
    return this.#known.slice(this.#at)
  }

  /** Waits until a character is there; false: the text is over. */
  *hasMore(): Reading<boolean> {
    while (this.#at === this.#known.length) {
      if (this.#ended) return false
      yield
    }
    return true
  }

  /** The next character, without taking it; '' at the end. */
  *peek(): Reading<string> {
    return (yield* this.hasMore()) ? this.#known[this.#at]! : ''
  }

  take(length = 1): string {
    const part = this.#known.slice(this.#at, this.#at + length)
    this.#at += part.length
    return part
  }

  *spaces(): Reading<void> {
    while ((yield* this.hasMore()) && isSpace(this.#known[this.#at]!)) this.#at++
  }

  /** Takes characters while they fit, `most` of them at the most. */
  *while(fits: RegExp, most: number): Reading<string> {
    let text = ''
    while (text.length < most && fits.test(yield* this.peek())) text += this.take()
    return text
  }

  /**
   * Takes a text if it is there. White space in it is a place where any white space, or none, may
   * stand: models are not exact about it.
   */
  *expect(text: string): Reading<boolean> {
    for (let at = 0; at < text.length; at++) {
      if (isSpace(text[at]!)) yield* this.spaces()
      else if ((yield* this.peek()) === text[at]) this.#at++
      else return false
    }
    return true
  }

  /** Takes one of the marks, the longest that is there; null: none is. */
  *oneOf(marks: readonly string[]): Reading<string | null> {
    while (yield* this.hasMore()) {
      const { rest } = this
      const here = marks.filter((mark) => mark !== '' && rest.startsWith(mark))
      const longest = here.toSorted((a, b) => b.length - a.length)[0]
      const mayCome = marks.some((mark) => mark.length > rest.length && mark.startsWith(rest))
      if (mayCome && !this.#ended) {
        yield
        continue
      }
      if (longest === undefined) return null
      this.take(longest.length)
      return longest
    }
    return null
  }

  /** Takes a text if it is there, and nothing otherwise. */
  *accept(text: string): Reading<boolean> {
    return yield* this.attempt(() => this.expect(text))
  }

  /** What the reader took stays taken only if it returns true. */
  *attempt(read: () => Reading<boolean>): Reading<boolean> {
    const place = this.save()
    const done = yield* read()
    if (!done) this.rewind(place)
    this.release()
    return done
  }

  /**
   * Takes text up to and with the first of the marks, and hands out the text before it as it comes.
   * Returns the mark; null: the text is over.
   */
  *until(marks: readonly string[], onText: (text: string) => void): Reading<string | null> {
    while (yield* this.hasMore()) {
      const rest = this.rest
      const found = firstMark(rest, marks)
      if (found !== null) {
        onText(this.take(found.at))
        this.take(found.mark.length)
        return found.mark
      }
      const shown = rest.length - heldBack(rest, marks)
      if (shown > 0) onText(this.take(shown))
      if (shown === rest.length) continue
      if (this.#ended) onText(this.take(rest.length))
      else yield
    }
    return null
  }

  save(): number {
    this.#saves++
    return this.#offset + this.#at
  }

  release(): void {
    if (--this.#saves > 0) return
    this.#kept = []
    this.#keptLength = 0
  }

  rewind(place: number): void {
    const at = place - this.#offset
    if (at >= 0) {
      this.#at = at
      return
    }
    const kept = this.#kept.join('')
    this.#known = kept + this.#known
    this.#offset -= this.#keptLength
    this.#at = place - this.#offset
    this.#kept = []
    this.#keptLength = 0
  }

  /** The text from a saved place to the end of what is there. */
  since(place: number): string {
    const at = place - this.#offset
    if (at >= 0) return this.#known.slice(at)
    return (this.#kept.join('') + this.#known).slice(at + this.#keptLength)
  }

  #keep(text: string): void {
    this.#kept.push(text)
    this.#keptLength += text.length
  }
}

const isSpace = (character: string): boolean => /\s/.test(character)

/** The mark that is complete first; the longest, when several begin at one place. */
function firstMark(text: string, marks: readonly string[]): { mark: string; at: number } | null {
  let first: { mark: string; at: number } | null = null
  for (const mark of marks) {
    const at = mark === '' ? -1 : text.indexOf(mark)
    if (at === -1) continue
    const isFirst =
      first === null || at < first.at || (at === first.at && mark.length > first.mark.length)
    if (isFirst) first = { mark, at }
  }
  return first
}
