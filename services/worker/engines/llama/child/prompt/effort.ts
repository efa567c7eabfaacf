/**
 * The reasoning effort in the variables that a template has for it, found out by rendering with and
 * without each. Effort is a hint: a template that cannot follow it is given none.
 */
import type { Asked } from '#shared/contracts/inference/request.ts'
import type { ChatTemplate } from './chat-template.ts'

type ReasoningEffort = NonNullable<Asked['reasoningEffort']>
type Variables = Readonly<Record<string, unknown>>

/** Switches of thinking, as families name them, each with what turns it on and off. */
const SWITCHES: readonly (readonly [name: string, on: unknown, off: unknown])[] = [
  ['enable_thinking', true, false],
  ['thinking', true, false],
  ['thinking_mode', 'enabled', 'disabled'],
  ['thinking_budget', -1, 0]
]
const WORD_VARIABLES = ['reasoning_effort', 'thinking_effort', 'reasoning_strength']
const WORDS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
const MEDIUM = WORDS.indexOf('medium')
const TRAINED: ReadonlySet<string> = new Set(['low', 'medium', 'high'])
const NO_WORD = 'haifNoWord'

export class EffortVariables {
  readonly #template: ChatTemplate
  readonly #known = new Map<ReasoningEffort, Variables>()

  constructor(template: ChatTemplate) {
    this.#template = template
  }

  of(effort: ReasoningEffort): Variables {
    const known = this.#known.get(effort) ?? this.#find(effort)
    this.#known.set(effort, known)
    return known
  }

  #find(effort: ReasoningEffort): Variables {
    const found: Record<string, unknown> = {}
    const lever = SWITCHES.find(([name, on, off]) => {
      const thinking = this.#probe({ [name]: on })
      return thinking !== null && thinking !== this.#probe({ [name]: off })
    })
    if (lever !== undefined) found[lever[0]] = effort === 'none' ? lever[2] : lever[1]
    for (const name of WORD_VARIABLES) {
      const word = this.#wordFor(effort, name)
      if (word !== null) found[name] = word
    }
    return found
  }

  /** The word itself where it has an effect, else the one next to it; null for no words. */
  #wordFor(effort: ReasoningEffort, name: string): string | null {
    // A template that writes any word (gpt-oss) belongs to a model that was trained with three.
    const isVerbatim = this.#probe({ [name]: NO_WORD })?.includes(NO_WORD) === true
    const plain = this.#probe({})
    const wanted = WORDS.indexOf(effort)
    const works = WORDS.map((word) => {
      if (isVerbatim) return TRAINED.has(word)
      const text = this.#probe({ [name]: word })
      return text !== null && text !== plain
    })
    if (!works.includes(true)) return null
    const isSameSide = (at: number) => Math.sign(at - MEDIUM) * Math.sign(wanted - MEDIUM) >= 0
    const nearest = WORDS.map((_, at) => at)
      .filter((at) => works[at] === true && isSameSide(at))
      .toSorted((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0]
    if (wanted === MEDIUM && works[MEDIUM] !== true) return null // it is the template's own
    return nearest === undefined ? null : WORDS[nearest]!
  }

  #probe(variables: Variables): string | null {
    try {
      return this.#template.render({ messages: [{ role: 'user', content: 'Hello' }], variables })
        .text
    } catch {
      return null
    }
  }
}
