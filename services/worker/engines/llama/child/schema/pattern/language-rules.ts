/**
 * Writes a regular language as rules: a rule for each state of its automaton, which llama.cpp
 * follows with one stack. Repetitions that can be counted stay repetitions, and states with one way
 * in and one way out are no rules of their own.
 */
import {
  ALL_CODE_POINTS,
  charactersOf,
  codePointsOf,
  contains,
  intersection,
  union,
  without,
  type CodePoints
} from './code-points.ts'
import { characterClass, choice, literal, sequence } from '../gbnf.ts'
import { classesIn, TooComplex, type Term, type Terms } from './regular.ts'
import { Rules, type Fragment } from '../rules.ts'

/** As characters of a JSON string, or as they are. */
export type TextForm = 'json' | 'raw'

/** States of one automaton. */
const STATES_MAX = 1000

/** The rules of a language, in JSON with its quotation marks; null when it has no text. */
export function languageRules(terms: Terms, language: Term, form: TextForm): Fragment | null {
  const rules = new Rules()
  const automaton = new Automaton(terms, language)
  if (!automaton.isAlive(language)) return null
  const writer = new AutomatonWriter(rules, automaton, form, form === 'json' ? '"\\""' : '')
  const body = writer.expression(language)
  return { rules, expression: form === 'json' ? sequence('"\\""', body) : body }
}

interface State {
  /** The next states, with the characters that lead there. */
  out: readonly (readonly [CodePoints, Term])[]
  /** A repetition that is written as one. */
  loop?: { part: Term; min: number; max: number; rest: Term }
}

class Automaton {
  readonly terms: Terms
  readonly states = new Map<Term, State>()
  /** The number of ways into a state. */
  readonly ways = new Map<Term, number>()
  readonly #alive = new Set<Term>()
  readonly #atoms: readonly CodePoints[]

  constructor(terms: Terms, start: Term) {
    this.terms = terms
    this.#atoms = atomsOf([ALL_CODE_POINTS, ...classesIn(start)])
    this.#explore(start)
    this.#findAlive()
  }

  isAlive(term: Term): boolean {
    return this.#alive.has(term)
  }

  #explore(start: Term): void {
    const todo = [start]
    for (let term = todo.pop(); term !== undefined; term = todo.pop()) {
      if (this.states.has(term)) continue
      if (this.states.size >= STATES_MAX) throw new TooComplex('it has too many states')
      const loop = this.#loopOf(term)
      const out = loop === undefined ? this.#stepsOf(term) : []
      this.states.set(term, { out, ...(loop === undefined ? {} : { loop }) })
      for (const next of nextOf({ out, ...(loop === undefined ? {} : { loop }) })) {
        this.ways.set(next, (this.ways.get(next) ?? 0) + 1)
        todo.push(next)
      }
    }
  }

  #stepsOf(term: Term): [CodePoints, Term][] {
    const sets = new Map<Term, CodePoints[]>()
    for (const atom of this.#atoms) {
      const next = this.terms.derivative(term, atom[0]![0])
      if (next.kind === 'none') continue
      const known = sets.get(next)
      if (known === undefined) sets.set(next, [atom])
      else known.push(atom)
    }
    return Array.from(sets, ([next, all]) => [union(...all), next])
  }

  /** A repetition whose end is always plain to see: what follows begins with other characters. */
  #loopOf(term: Term): State['loop'] {
    const [loop, rest] = term.kind === 'then' ? [term.first, term.rest] : [term, this.terms.empty]
    if (loop.kind !== 'loop' || loop.part.nullable || loop.max <= 2) return undefined
    const shared = intersection(this.#firstOf(loop.part), this.#firstOf(rest))
    if (shared.length > 0 || !this.#isPrefixFree(loop.part)) return undefined
    return { part: loop.part, min: loop.min, max: loop.max, rest }
  }

  #firstOf(term: Term): CodePoints {
    return union(...this.#stepsOf(term).map(([set]) => set))
  }

  #isPrefixFree(part: Term): boolean {
    if (part.kind === 'class') return true
    const { states } = new Automaton(this.terms, part)
    return states
      .entries()
      .every(([term, { out, loop }]) => !term.nullable || (out.length === 0 && loop === undefined))
  }

  #findAlive(): void {
    const alive = (term: Term, state: State): boolean =>
      state.loop === undefined
        ? term.nullable || state.out.some(([, next]) => this.#alive.has(next))
        : this.#alive.has(state.loop.rest)
    for (let before = -1; before !== this.#alive.size;) {
      before = this.#alive.size
      for (const [term, state] of this.states) if (alive(term, state)) this.#alive.add(term)
    }
  }
}

function nextOf({ out, loop }: State): Term[] {
  return loop === undefined ? out.map(([, next]) => next) : [loop.rest]
}

class AutomatonWriter {
  readonly #rules: Rules
  readonly #automaton: Automaton
  readonly #form: TextForm
  readonly #end: string
  readonly #names = new Map<Term, string>()

  constructor(rules: Rules, automaton: Automaton, form: TextForm, end: string) {
    this.#rules = rules
    this.#automaton = automaton
    this.#form = form
    this.#end = end
  }

  expression(term: Term): string {
    return choice(...this.#alternatives(term))
  }

  #alternatives(term: Term): string[] {
    const { out, loop } = this.#automaton.states.get(term)!
    if (loop !== undefined) return [sequence(this.#loop(loop), this.#continue(loop.rest))]
    const alternatives = out
      .filter(([, next]) => this.#automaton.isAlive(next))
      .map(([set, next]) => sequence(charactersIn(set, this.#form), this.#continue(next)))
    return term.nullable ? [...alternatives, this.#end || '""'] : alternatives
  }

  #loop({ part, min, max }: NonNullable<State['loop']>): string {
    const symbol = part.kind === 'class' ? charactersIn(part.set, this.#form) : this.#partRule(part)
    return this.#rules.counted(symbol, min, max)
  }

  #partRule(part: Term): string {
    const automaton = new Automaton(this.#automaton.terms, part)
    const writer = new AutomatonWriter(this.#rules, automaton, this.#form, '')
    return this.#rules.add(writer.expression(part))
  }

  #continue(term: Term): string {
    const { out, loop } = this.#automaton.states.get(term)!
    if (loop === undefined && out.length === 0) return this.#end
    const isPassage = loop !== undefined || (out.length === 1 && !term.nullable)
    if (isPassage && this.#automaton.ways.get(term) === 1) return this.expression(term)
    const known = this.#names.get(term)
    if (known !== undefined) return known
    const name = this.#rules.reserve()
    this.#names.set(term, name)
    return this.#rules.define(name, this.#alternatives(term).join(' | '))
  }
}

/** The largest sets that no class of the pattern cuts in two. */
function atomsOf(classes: readonly CodePoints[]): CodePoints[] {
  const starts = new Set<number>()
  for (const [from, to] of classes.flat()) starts.add(from).add(to + 1)
  const bounds = [...starts].toSorted((a, b) => a - b)
  const bySignature = new Map<string, CodePoints[]>()
  for (const [i, from] of bounds.entries()) {
    const next = bounds[i + 1]
    if (next === undefined) break
    const signature = classes.map((set) => (contains(set, from) ? '1' : '0')).join('')
    if (!signature.includes('1')) continue
    const piece = codePointsOf([from, next - 1])
    if (piece.length === 0) continue
    bySignature.set(signature, [...(bySignature.get(signature) ?? []), piece])
  }
  return Array.from(bySignature.values(), (pieces) => union(...pieces))
}

const ESCAPED = union(charactersOf('"\\'), codePointsOf([0, 0x1f], [0x7f, 0x7f]))
const SHORT_ESCAPES = ['"', '\\', '\n', '\r', '\t', '\b', '\f']

/** Each character in one spelling only; rare control characters only where there are no others. */
function charactersIn(set: CodePoints, form: TextForm): string {
  if (form === 'raw') return characterClass(set)
  const plain = without(set, ESCAPED)
  const escapes = SHORT_ESCAPES.filter((each) => contains(set, each.codePointAt(0) ?? 0)).map(
    (each) => literal(JSON.stringify(each).slice(1, -1))
  )
  const alternatives = [...(plain.length === 0 ? [] : [characterClass(plain)]), ...escapes]
  if (alternatives.length > 0) return choice(...alternatives)
  return literal(JSON.stringify(String.fromCodePoint(set[0]![0])).slice(1, -1))
}
