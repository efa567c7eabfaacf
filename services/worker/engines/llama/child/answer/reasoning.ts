/**
 * Separates a model's reasoning from its answer. The marks around reasoning are in the model's chat
 * template; an answer that does not begin with the first mark has no reasoning.
 */
import type { ReasoningMarks } from '../prompt/prompt.ts'
import { heldBack } from './stop-matcher.ts'

interface SplitText {
  reasoning: string
  text: string
}

type ReasoningState = 'undecided' | 'opened' | 'reasoning' | 'closed' | 'answer'

export class ReasoningSplitter {
  readonly #marks: ReasoningMarks | null
  #state: ReasoningState
  #held = ''

  /** `opened`: the prompt ends in the middle of a thought. */
  constructor(marks: ReasoningMarks | null, opened = false) {
    this.#marks = marks
    this.#state = marks === null ? 'answer' : opened ? 'opened' : 'undecided'
  }

  /** True while reasoning has begun and is not over. */
  get isThinking(): boolean {
    return this.#state === 'opened' || this.#state === 'reasoning'
  }

  push(piece: string): SplitText {
    const split = { reasoning: '', text: '' }
    if (this.#marks === null) return { ...split, text: piece }
    let known = this.#held + piece
    this.#held = ''
    for (let before: ReasoningState | null = null; before !== this.#state;) {
      before = this.#state
      known = this.#advance(known, this.#marks, split)
    }
    return split
  }

  /** The answer is over: what was held back was no mark. */
  flush(): SplitText {
    const held = this.#held
    this.#held = ''
    return this.isThinking ? { reasoning: held, text: '' } : { reasoning: '', text: held }
  }

  /** Takes from `known` what its state can decide and returns the rest. */
  #advance(known: string, { begin, end }: ReasoningMarks, split: SplitText): string {
    switch (this.#state) {
      case 'undecided': {
        const start = known.trimStart()
        if (start.startsWith(begin)) {
          this.#state = 'opened'
          return start.slice(begin.length)
        }
        if (begin.startsWith(start)) this.#held = known
        else this.#state = 'answer'
        return known
      }
      case 'opened':
      case 'closed': {
        const start = known.trimStart()
        if (start !== '') this.#state = this.#state === 'opened' ? 'reasoning' : 'answer'
        return start
      }
      case 'reasoning': {
        const at = known.indexOf(end)
        if (at !== -1) {
          split.reasoning += known.slice(0, at)
          this.#state = 'closed'
          return known.slice(at + end.length)
        }
        const shown = known.length - heldBack(known, [end])
        split.reasoning += known.slice(0, shown)
        this.#held = known.slice(shown)
        return ''
      }
      case 'answer':
        split.text += known
        return ''
    }
  }
}
