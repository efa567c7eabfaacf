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
  #isCut = false
  #ranOut = false
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

  /** No more text will come. `isCut`: the model would have gone on, perhaps inside of a mark. */
  end(isCut = false): void {
    this.#ended = true
    this.#isCut = isCut
  }

  /** True where the answer is over and its model would have gone on. */
  get isCut(): boolean {
    return this.#isCut
  }

  /** True where a reader has asked for more, and the answer was cut there. */
  get ranOut(): boolean {
    return this.#isCut && this.#ranOut
  }

  /** The text that is there and not yet read. */
  get rest(): string {
    return this.#known.slice(this.#at)
  }

  /** Waits until a character is there; false: the text is over. */
  *hasMore(): Reading<boolean> {
    while (this.#at === this.#known.length) {
      if (this.#ended) {
        this.#ranOut = true
        return false
      }
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
      const mayCome = marks.some((mark) => isLonger(mark, rest))
      if (mayCome && !this.#ended) {
        yield
        continue
      }
      if (mayCome && this.#dropsBegun(rest.length, 1)) continue
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
        // It may be the beginning of a longer one.
        if (!this.#ended && marks.some((mark) => isLonger(mark, this.rest))) {
          yield
          continue
        }
        this.take(found.mark.length)
        return found.mark
      }
      const held = heldBack(rest, marks)
      if (held < rest.length) onText(this.take(rest.length - held))
      if (held === 0) continue
      if (!this.#ended) yield
      else if (!this.#dropsBegun(held, leastOf(rest, held))) onText(this.take(held))
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

  /** The rest is the beginning of a mark in which the answer was cut off: it is no text. */
  #dropsBegun(length: number, least: number): boolean {
    if (!this.#isCut || length < least) return false
    this.#at += length
    return true
  }

  #keep(text: string): void {
    this.#kept.push(text)
    this.#keptLength += text.length
  }
}

/**
 * How much of a mark has to be there in the middle of a text. A single `<` behind a word is rather
 * the text's own, and so are the first letters of a mark that is a word.
 */
function leastOf(text: string, held: number): number {
  const at = text.length - held
  if (/\w/.test(text[at]!)) return BEGUN_LETTERS_MIN
  return at === 0 || isSpace(text[at - 1]!) ? 1 : 2
}

const BEGUN_LETTERS_MIN = 5

const isLonger = (mark: string, text: string): boolean =>
  mark.length > text.length && mark.startsWith(text)

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
