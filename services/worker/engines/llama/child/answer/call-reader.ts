/**
 * Takes tool calls out of what a model writes, piece by piece: the text outside of them, and the
 * parts of each call as soon as they are known. Its state follows from the text alone.
 */
import type { ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import { JsonEnd } from './json-end.ts'
import { heldBack } from './stop-matcher.ts'
import { ID_CHARACTER, type CallFormat } from '../prompt/call-format.ts'

interface CallReaderOptions {
  format: CallFormat
  /** True when the answer is a call from its beginning. */
  required: boolean
  /** True when a second call may follow. */
  parallel: boolean
  idOf: (index: number) => string
}

type CallState = 'text' | 'begin' | 'name' | 'middle' | 'arguments' | 'after' | 'answer' | 'done'

/** The same bound as in the contract of a request. */
const CALLS_MAX = 128

export class CallReader {
  readonly #options: CallReaderOptions
  #state: CallState
  #known = '' // not yet decided; at most about as long as the format's own texts and a name
  #name = ''
  #calls = 0
  #complete = 0
  #jsonEnd = new JsonEnd()
  #deltas: ToolCallDelta[] = []
  #text = ''

  constructor(options: CallReaderOptions) {
    this.#options = options
    this.#state = options.required ? 'begin' : 'text'
  }

  /** The number of calls whose arguments are complete. */
  get calls(): number {
    return this.#complete
  }

  /** True while a call is being written. */
  get isCalling(): boolean {
    return this.#state !== 'text' && this.#state !== 'answer'
  }

  /** True when nothing can follow. */
  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** The part of the first call's beginning that is there; null before and after it. */
  get begun(): string | null {
    return this.#state === 'begin' ? this.#known : null
  }

  /** Takes the next piece and returns the text outside of calls. */
  push(piece: string): string {
    this.#known += piece
    for (let before: CallState | null = null; before !== this.#state;) {
      before = this.#state
      this.#advance()
    }
    const text = this.#text
    this.#text = ''
    return text
  }

  /** Returns the text that was held back in case a call begins there. */
  flush(): string {
    if (this.isCalling) return ''
    const text = this.#known
    this.#known = ''
    return text
  }

  takeDeltas(): ToolCallDelta[] {
    const deltas = this.#deltas
    this.#deltas = []
    return deltas
  }

  #advance(): void {
    switch (this.#state) {
      case 'text':
        return this.#inText()
      case 'begin':
        return this.#expect(this.#options.format.begin, 'name')
      case 'name':
        return this.#inName()
      case 'middle':
        return this.#inMiddle()
      case 'arguments':
        return this.#inArguments()
      case 'after':
        return this.#afterArguments()
      case 'answer':
        this.#text += this.#take(this.#known.length)
        return
      case 'done':
        this.#known = ''
    }
  }

  #inText(): void {
    const { trigger, triggerAnywhere } = this.#options.format
    if (!triggerAnywhere) return this.#atStart(trigger)
    const at = this.#known.indexOf(trigger)
    if (at !== -1) {
      const before = this.#take(at).trimEnd() // the white space belongs to the call
      this.#text += before
      this.#state = 'begin'
      return
    }
    const mark = heldBack(this.#known, [trigger])
    const shown = this.#known.slice(0, this.#known.length - mark).trimEnd().length
    // White space that goes on and on is no sign of a call.
    const isLong = this.#known.length - shown > HELD_MAX
    this.#text += this.#take(isLong ? this.#known.length - mark : shown)
  }

  #atStart(trigger: string): void {
    const start = this.#known.trimStart()
    if (start.startsWith(trigger)) {
      this.#known = start
      this.#state = 'begin'
    } else if (!trigger.startsWith(start) || this.#known.length > HELD_MAX) {
      this.#state = 'answer'
    }
  }

  #expect(mark: string, next: CallState): void {
    const length = matchLength(this.#known, mark)
    if (length === mark.length) {
      this.#take(length)
      this.#state = next
    } else if (length < this.#known.length) {
      this.#state = 'answer' // only before the grammar holds: what looked like a call is none
    }
  }

  #inName(): void {
    const name = /^[a-zA-Z0-9_-]+/.exec(this.#known)?.[0] ?? ''
    if (name.length === this.#known.length) return
    this.#name = this.#take(name.length)
    this.#state = 'middle'
  }

  #inMiddle(): void {
    this.#expect(this.#options.format.middle, 'arguments')
    if (this.#state !== 'arguments') return
    const index = this.#calls++
    this.#deltas.push({ index, id: this.#options.idOf(index), name: this.#name, arguments: '' })
    this.#jsonEnd = new JsonEnd()
  }

  #inArguments(): void {
    const end = this.#jsonEnd.push(this.#known)
    const part = this.#take(end === -1 ? this.#known.length : end)
    const last = this.#deltas.at(-1)
    const index = this.#calls - 1
    if (last?.index === index) last.arguments = (last.arguments ?? '') + part
    else if (part !== '') this.#deltas.push({ index, arguments: part })
    if (end === -1) return
    this.#complete++
    this.#state = 'after'
  }

  #afterArguments(): void {
    const { format, parallel } = this.#options
    const next = parallel && this.#calls < CALLS_MAX ? format.between : null
    if (next !== null) {
      const length = matchLength(this.#known, next)
      if (length === next.length) {
        this.#take(length)
        this.#state = 'name'
        return
      }
      if (length === this.#known.length) return // it may still be another call
    }
    if (matchLength(this.#known, format.end) === format.end.length) this.#state = 'done'
  }

  #take(length: number): string {
    const part = this.#known.slice(0, length)
    this.#known = this.#known.slice(length)
    return part
  }
}

const HELD_MAX = 64

/** Returns the length of the common beginning of text and mark. */
function matchLength(text: string, mark: string): number {
  const most = Math.min(text.length, mark.length)
  for (let at = 0; at < most; at++) {
    const isId = mark[at] === ID_CHARACTER && /[a-zA-Z0-9]/.test(text[at]!)
    if (!isId && text[at] !== mark[at]) return at
  }
  return most
}
