/**
 * Regular languages as terms, and their derivatives: the derivative of a language by a character is
 * the language of what may follow it (Brzozowski). Intersection and complement cost nothing that
 * way, so that lookaheads, several patterns and bounds of length need no treatment of their own.
 *
 * Equal terms are one object: a state of the automaton is a term.
 */
import {
  ALL_CODE_POINTS,
  contains,
  intersection,
  NO_CODE_POINTS,
  union,
  type CodePoints
} from './code-points.ts'

export type Term = {
  readonly id: number
  /** True when the language has the empty text. */
  readonly nullable: boolean
} & Shape

type Shape =
  | { kind: 'none' }
  | { kind: 'empty' }
  | { kind: 'class'; set: CodePoints }
  | { kind: 'then'; first: Term; rest: Term }
  | { kind: 'or' | 'and'; parts: readonly Term[] }
  | { kind: 'not'; part: Term }
  | { kind: 'loop'; part: Term; min: number; max: number }
  /** Decimal digits whose number has this remainder; characters other than digits are skipped. */
  | { kind: 'multiple'; of: number; remainder: number }

/** Terms of one pattern; more are a pattern too complex for a grammar. */
const TERMS_MAX = 20_000

export class TooComplex extends Error {}

export class Terms {
  readonly #known = new Map<string, Term>()
  readonly #derivatives = new Map<string, Term>()
  readonly none = this.#make('none', { kind: 'none' }, false)
  readonly empty = this.#make('empty', { kind: 'empty' }, true)
  readonly everything = this.loop(this.class(ALL_CODE_POINTS), 0, Infinity)

  class(set: CodePoints): Term {
    if (set.length === 0) return this.none
    return this.#make(`class ${set.join(' ')}`, { kind: 'class', set }, false)
  }

  chain(first: Term, rest: Term): Term {
    if (first.kind === 'none' || rest.kind === 'none') return this.none
    if (first.kind === 'empty') return rest
    if (rest.kind === 'empty') return first
    // One form for one language: chains lean to the right.
    if (first.kind === 'then') return this.chain(first.first, this.chain(first.rest, rest))
    const key = `then ${first.id} ${rest.id}`
    return this.#make(key, { kind: 'then', first, rest }, first.nullable && rest.nullable)
  }

  sequence(...parts: Term[]): Term {
    return parts.reduceRight((rest, first) => this.chain(first, rest), this.empty)
  }

  or(...given: Term[]): Term {
    const parts = flattened(given, 'or')
    if (parts.includes(this.everything)) return this.everything
    const classes = union(
      ...parts.map((part) => (part.kind === 'class' ? part.set : NO_CODE_POINTS))
    )
    const others = parts.filter(({ kind }) => kind !== 'class' && kind !== 'none')
    const all = classes.length === 0 ? others : [...others, this.class(classes)]
    return this.#joined('or', all, this.none)
  }

  and(...parts: Term[]): Term {
    const [first, ...others] = unique(flattened(parts, 'and')).filter(
      (part) => part !== this.everything
    )
    if (first === undefined) return this.everything
    const reduced: Term[] = [first]
    for (const part of others) {
      const at = reduced.findIndex((one) => this.#meet(one, part) !== null)
      if (at === -1) reduced.push(part)
      else reduced[at] = this.#meet(reduced[at]!, part)!
    }
    if (reduced.some(({ kind }) => kind === 'none')) return this.none
    return this.#joined('and', reduced, this.everything)
  }

  not(part: Term): Term {
    if (part.kind === 'not') return part.part
    if (part === this.none) return this.everything
    if (part === this.everything) return this.none
    return this.#make(`not ${part.id}`, { kind: 'not', part }, !part.nullable)
  }

  loop(part: Term, min: number, max: number): Term {
    if (max === 0 || part.kind === 'empty') return this.empty
    if (part.kind === 'none') return min === 0 ? this.empty : this.none
    const least = part.nullable ? 0 : min
    if (least === 1 && max === 1) return part
    const key = `loop ${part.id} ${least} ${max}`
    return this.#make(key, { kind: 'loop', part, min: least, max }, least === 0)
  }

  multiple(of: number, remainder = 0): Term {
    const key = `multiple ${of} ${remainder}`
    return this.#make(key, { kind: 'multiple', of, remainder }, remainder === 0)
  }

  derivative(term: Term, code: number): Term {
    const key = `${term.id} ${code}`
    const known = this.#derivatives.get(key)
    if (known !== undefined) return known
    const made = this.#derivativeOf(term, code)
    this.#derivatives.set(key, made)
    return made
  }

  #derivativeOf(term: Term, code: number): Term {
    switch (term.kind) {
      case 'none':
      case 'empty':
        return this.none
      case 'class':
        return contains(term.set, code) ? this.empty : this.none
      case 'then': {
        const first = this.chain(this.derivative(term.first, code), term.rest)
        return term.first.nullable ? this.or(first, this.derivative(term.rest, code)) : first
      }
      case 'or':
        return this.or(...term.parts.map((part) => this.derivative(part, code)))
      case 'and':
        return this.and(...term.parts.map((part) => this.derivative(part, code)))
      case 'not':
        return this.not(this.derivative(term.part, code))
      case 'loop': {
        const { part, min, max } = term
        const rest = this.loop(part, Math.max(0, min - 1), max - 1)
        return this.chain(this.derivative(part, code), rest)
      }
      case 'multiple': {
        const digit = code - ZERO
        if (digit < 0 || digit > 9) return term
        return this.multiple(term.of, (term.remainder * 10 + digit) % term.of)
      }
    }
  }

  /** The intersection of two terms as a simpler one; null when there is none. */
  #meet(a: Term, b: Term): Term | null {
    if (a.kind === 'class' && b.kind === 'class') return this.class(intersection(a.set, b.set))
    const [x, y] = [asClassLoop(a), asClassLoop(b)]
    if (x === null || y === null) return null
    const [min, max] = [Math.max(x.min, y.min), Math.min(x.max, y.max)]
    if (min > max) return this.none
    return this.loop(this.class(intersection(x.set, y.set)), min, max)
  }

  #joined(kind: 'or' | 'and', parts: readonly Term[], ofNone: Term): Term {
    const sorted = unique(parts).toSorted((a, b) => a.id - b.id)
    if (sorted.length === 0) return ofNone
    if (sorted.length === 1) return sorted[0]!
    const nullable =
      kind === 'or' ? sorted.some((part) => part.nullable) : sorted.every((part) => part.nullable)
    return this.#make(
      `${kind} ${sorted.map(({ id }) => id).join(' ')}`,
      { kind, parts: sorted },
      nullable
    )
  }

  #make(key: string, shape: Shape, nullable: boolean): Term {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size >= TERMS_MAX) throw new TooComplex('it has too many states')
    const term: Term = { id: this.#known.size, nullable, ...shape }
    this.#known.set(key, term)
    return term
  }
}

const ZERO = 48

/** The sets of characters that a term tells apart. */
export function classesIn(root: Term): CodePoints[] {
  const seen = new Set<Term>()
  const sets: CodePoints[] = []
  const visit = (term: Term): void => {
    if (seen.has(term)) return
    seen.add(term)
    if (term.kind === 'class') sets.push(term.set)
    if (term.kind === 'multiple') for (let i = 0; i < 10; i++) sets.push([[ZERO + i, ZERO + i]])
    if (term.kind === 'then') [term.first, term.rest].forEach(visit)
    if (term.kind === 'or' || term.kind === 'and') term.parts.forEach(visit)
    if (term.kind === 'not' || term.kind === 'loop') visit(term.part)
  }
  visit(root)
  return sets
}

function asClassLoop(term: Term): { set: CodePoints; min: number; max: number } | null {
  if (term.kind === 'class') return { set: term.set, min: 1, max: 1 }
  if (term.kind !== 'loop' || term.part.kind !== 'class') return null
  return { set: term.part.set, min: term.min, max: term.max }
}

function flattened(parts: readonly Term[], kind: 'or' | 'and'): Term[] {
  return parts.flatMap((part) => (part.kind === kind ? [...part.parts] : [part]))
}

const unique = (parts: readonly Term[]): Term[] => [...new Set(parts)]

/** The shortest and the longest text that a language can have, or a wider span. */
export function lengthSpan(term: Term): [min: number, max: number] {
  switch (term.kind) {
    case 'none':
    case 'empty':
      return [0, 0]
    case 'class':
      return [1, 1]
    case 'then': {
      const [first, rest] = [lengthSpan(term.first), lengthSpan(term.rest)]
      return [first[0] + rest[0], first[1] + rest[1]]
    }
    case 'or':
    case 'and': {
      const spans = term.parts.map(lengthSpan)
      const [least, most] = [spans.map(([min]) => min), spans.map(([, max]) => max)]
      return term.kind === 'or'
        ? [Math.min(...least), Math.max(...most)]
        : [Math.max(...least), Math.min(...most)]
    }
    case 'loop': {
      const [min, max] = lengthSpan(term.part)
      return [min * term.min, max === 0 ? 0 : max * term.max]
    }
    case 'not':
    case 'multiple':
      return [0, Infinity]
  }
}
