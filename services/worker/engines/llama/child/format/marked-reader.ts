/** Reads one answer of a marked format. */
import { HeldSpace } from './held-space.ts'
import type { Input, Reading } from './input.ts'
import type { Marks } from './marks.ts'
import { readCalls } from './read-calls.ts'
import type { BoundCalls, OutputParts, ReadOptions, ThoughtMarks } from './output-format.ts'

interface MarkedReaderOptions extends ReadOptions {
  marks: Marks
  syntax: {
    thoughts: readonly Required<ThoughtMarks>[]
    content: readonly string[]
    /** Null where no calls are to be read. */
    calls: BoundCalls | null
  }
}

export class MarkedReader {
  readonly #input: Input
  readonly #to: OutputParts
  readonly #options: MarkedReaderOptions
  /** Marks at the start of an answer, and right behind another mark. */
  readonly #marksHere: readonly string[]
  /** Marks in the middle of a text. One that is no control token may be what the text is about. */
  readonly #marksWithin: readonly string[]
  readonly #content: HeldSpace

  constructor(input: Input, to: OutputParts, options: MarkedReaderOptions) {
    const { marks, syntax } = options
    const { thoughts, content, calls } = syntax
    const triggers = triggersOf(calls)
    const ofThoughts = thoughts.flatMap(({ begin, end, after }) => [begin, end, after])
    this.#input = input
    this.#to = to
    this.#options = options
    this.#marksHere = [...ofThoughts, ...content, ...triggers]
    this.#marksWithin = [
      ...ofThoughts.filter((mark) => mark !== '' && marks.tokenOf(mark) !== undefined),
      ...content,
      ...triggers
    ]
    this.#content = new HeldSpace((text) => to.content(text))
  }

  *read(): Reading<void> {
    const { opened, syntax } = this.#options
    this.#to.passes(syntax.calls?.trigger ?? '')
    if (opened) yield* this.#readThought(syntax.thoughts[0]!)
    else yield* this.#readStart()
    while (yield* this.#input.hasMore()) {
      yield* this.#input.spaces()
      yield* this.#readToMark('')
    }
    this.#content.flush()
  }

  /** White space before the first mark is no text; without a mark it belongs to the answer. */
  *#readStart(): Reading<void> {
    const mayMark = this.#marksHere.length > 0 || this.#mayBegin()
    const space = mayMark ? yield* this.#input.while(/\s/, SPACE_MAX) : ''
    const isCall = this.#mayBegin() && (yield* this.#readCalls(''))
    if (!isCall) yield* this.#readToMark(space)
  }

  /** True when a call may stand at the start without the mark that shows it. */
  #mayBegin(): boolean {
    const { mustCall, syntax, marks } = this.#options
    if (syntax.calls === null) return false
    const { trigger } = syntax.calls
    return trigger === '' || (mustCall && marks.isEnd(trigger))
  }

  /** Reads from a place where any mark may stand to behind the next mark. */
  *#readToMark(space: string): Reading<void> {
    let text: string | null = space
    let mark = yield* this.#input.oneOf(this.#marksHere)
    while (text !== null) {
      if (mark === null) {
        this.#content.push(text)
        mark = yield* this.#input.until(this.#marksWithin, (part) => this.#content.push(part))
      }
      if (mark === null) return
      text = yield* this.#readMark(mark)
      mark = null
    }
  }

  /** Returns the mark where it turns out to be text. */
  *#readMark(mark: string): Reading<string | null> {
    const { thoughts, calls } = this.#options.syntax
    const thought = thoughts.find(({ begin }) => begin === mark)
    if (thought !== undefined) {
      this.#content.drop()
      yield* this.#readThought(thought)
    } else if (triggersOf(calls).includes(mark) && !(yield* this.#readCalls(mark))) {
      if (!this.#options.isEnd(mark)) return mark
      this.#to.done() // no call begins with this end token, so it is the end
    } else if (thoughts.some(({ end, after }) => end === mark && after !== '')) {
      // Such a mark ends every part of an answer, and a further part begins behind it.
      if (!(yield* this.#input.accept(thoughts.find(({ end }) => end === mark)!.after))) {
        this.#to.done()
      }
    }
    return null
  }

  *#readCalls(trigger: string): Reading<boolean> {
    const { syntax, tools } = this.#options
    const options = { syntax: syntax.calls!, tools: tools!, trigger }
    const isCall = yield* readCalls(this.#input, this.#to, options)
    this.#to.passes(syntax.calls!.trigger)
    if (isCall) this.#content.drop() // the white space before a call belongs to it
    return isCall
  }

  *#readThought({ end, after }: Required<ThoughtMarks>): Reading<void> {
    const { marks, syntax } = this.#options
    const trigger = syntax.calls?.trigger ?? ''
    // Some models begin a call without ending the thought; only a token says so for certain.
    const isToken = (mark: string) => marks.tokenOf(mark) !== undefined
    const ends = [end, ...triggersOf(syntax.calls).filter(isToken)]
    const thought = new HeldSpace((text) => this.#to.thought(text))
    this.#to.thinking(true)
    this.#to.passes(end + trigger)
    yield* this.#input.spaces()
    const mark = yield* this.#input.until(ends, (text) => thought.push(text))
    this.#to.passes(trigger)
    if (mark === null) return
    this.#to.thinking(false, mark === end ? '' : mark)
    if (mark !== end) yield* this.#readCalls(mark)
    else if (after !== '') yield* this.#input.accept(after)
  }
}

const triggersOf = (calls: BoundCalls | null): string[] =>
  calls === null || calls.trigger === '' ? [] : [calls.trigger, ...(calls.lateTriggers ?? [])]

/** White space that goes on and on is no sign of a mark. */
const SPACE_MAX = 64
