/** The rules of one grammar while it is written, with the bounds of its size. */
import { HaifError } from '#shared/errors.ts'
import { repeated, REPETITIONS_MAX, sequence } from './gbnf.ts'

/** A rule can end when all the rules of one of these lists can. */
export type Needs = readonly (readonly string[])[]
export const NOTHING: Needs = [[]]

interface Rule {
  text: string
  needs: Needs
  /** The place in the schema, for the error when the rule cannot end. */
  at: string
}

/** Rules that are made once, and put into each grammar that needs them. */
export interface Fragment {
  readonly expression: string
  readonly rules: Rules
}

/** llama.cpp reads about 100 MB of notation a second, and does so for each answer. */
const CHARACTERS_MAX = 1_000_000
/** Each repetition that is written out is some 30 bytes in llama.cpp. */
const REPETITIONS_TOTAL_MAX = 100_000
const BLOCK = 500
/** A character that no notation has by itself. */
const FRAGMENT_PREFIX = '\u{e000}'
const FRAGMENT_NAME = /\u{e000}\d+/gu

/** All names begin with the prefix, so that a grammar around these rules can have its own. */
export class Rules {
  readonly prefix: string
  readonly #rules = new Map<string, Rule>()
  /** The rules that are known to end. */
  readonly #ending = new Set<string>()
  #characters = 0
  #repetitions = 0

  constructor(prefix = FRAGMENT_PREFIX) {
    this.prefix = prefix
  }

  get text(): string {
    return [...this.#rules].map(([name, { text }]) => `${name} ::= ${text}`).join('\n')
  }

  /** Reserves a name, so that a rule can refer to itself. */
  reserve(at = '#'): string {
    const name = `${this.prefix}${this.#rules.size}`
    this.#rules.set(name, { text: '""', needs: [], at })
    return name
  }

  define(name: string, text: string, needs: Needs = NOTHING): string {
    const at = this.#rules.get(name)?.at ?? '#'
    this.#rules.set(name, { text, needs, at })
    this.#characters += name.length + text.length + ' ::= \n'.length
    if (this.#characters > CHARACTERS_MAX) throw tooLarge(at)
    return name
  }

  add(text: string, needs: Needs = NOTHING, at = '#'): string {
    return this.define(this.reserve(at), text, needs)
  }

  /** Takes in the rules of a fragment, and returns its expression. */
  insert({ expression, rules }: Fragment): string {
    this.#count(rules.#repetitions)
    const names = new Map(Array.from(rules.#rules.keys(), (name) => [name, this.reserve()]))
    const renamed = (text: string): string =>
      text.replaceAll(FRAGMENT_NAME, (name) => names.get(name) ?? name)
    for (const [name, { text }] of rules.#rules) this.define(renamed(name), renamed(text))
    return renamed(expression)
  }

  /** A rule that is written once, however often it is asked for. */
  shared(name: string, text: string): string {
    const full = this.prefix + name
    return this.#rules.has(full) ? full : this.define(full, text)
  }

  /**
   * A symbol so many times. Beyond what llama.cpp repeats, whole blocks come first: at each place
   * at most three readings are possible, so that the number of stacks stays small.
   */
  counted(symbol: string, min: number, max: number): string {
    this.#count(Math.min(min + (max === Infinity ? 1 : max - min), 2 * BLOCK))
    if (Math.max(min, max === Infinity ? 0 : max) <= REPETITIONS_MAX) {
      return repeated(symbol, min, max)
    }
    const more = max - min
    const block = this.add(repeated(symbol, BLOCK, BLOCK))
    const blocks = Math.floor(more / BLOCK)
    return sequence(
      repeated(block, Math.floor(min / BLOCK), Math.floor(min / BLOCK)),
      repeated(symbol, min % BLOCK, min % BLOCK),
      ...(more <= REPETITIONS_MAX || more === Infinity
        ? [repeated(symbol, 0, more)]
        : [repeated(block, 0, blocks - 1), repeated(symbol, 0, BLOCK + (more % BLOCK))])
    )
  }

  /** Returns the place of a rule that can never end; undefined when all can. */
  endless(): string | undefined {
    const ends = ({ needs }: Rule): boolean =>
      needs.some((all) => all.every((name) => this.#ending.has(name)))
    let open = [...this.#rules].filter(([name]) => !this.#ending.has(name))
    for (let before = -1; before !== open.length;) {
      before = open.length
      for (const [name, rule] of open) if (ends(rule)) this.#ending.add(name)
      open = open.filter(([name]) => !this.#ending.has(name))
    }
    return open[0]?.[1].at
  }

  #count(repetitions: number): void {
    this.#repetitions += repetitions
    if (this.#repetitions > REPETITIONS_TOTAL_MAX) throw tooLarge('#')
  }
}

function tooLarge(at: string): HaifError {
  return new HaifError(
    'VALIDATION_FAILED',
    `the grammar of the schema becomes too large at ${at}: use fewer or smaller ` +
      'patterns, bounds and enumerations',
    { details: { param: 'responseFormat' } }
  )
}
