/** The rules of numbers within bounds, and of multiples. */
import { allow, type Place } from './alternatives.ts'
import type { Conjunction } from './conjunction.ts'
import { languageRules } from './pattern/language-rules.ts'
import { integerPattern, numberPattern, type NumberBounds } from './numbers.ts'
import { wholeTerm } from './pattern/pattern-term.ts'
import { unkept } from './problems.ts'
import { Terms, TooComplex, type Term } from './pattern/regular.ts'
import { cached } from './fragments.ts'
import type { Fragment, Rules } from './rules.ts'

/** Enough for 64 bits, and few enough that no answer runs on in digits. */
const INTEGER = '"0" | "-"? [1-9] [0-9]{0,18}'
const NUMBER = '"-"? ( "0" | [1-9] [0-9]{0,18} ) ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,2} )?'
/** Numbers with bounds are written without exponents, and so are below it. */
const BOUND_MAX = 1e19
/** Multiples of numbers with more decimals than that are more than a double can tell apart. */
const DECIMALS_MAX = 12

export const anyNumber = (rules: Rules): string => rules.shared('number', NUMBER)

/** An expression for the numbers; null when there are none. */
export function numberExpression(
  rules: Rules,
  conjunction: Conjunction,
  type: 'integer' | 'number',
  place: Place
): string | null {
  const given = givenBounds(conjunction)
  const multiples = allow(place, () => keptMultiples(conjunction, place)) ?? []
  if (multiples.length === 0 && given.length === 0) {
    return type === 'integer' ? rules.shared('integer', INTEGER) : anyNumber(rules)
  }
  const bounds = allow(place, () => keptBounds(given, place)) ?? {}
  const key = JSON.stringify([bounds, type, multiples, place.strictness])
  const fragment = cached(key, () => withMultiples(bounds, type, multiples, place))
  return fragment === null ? null : rules.insert(fragment)
}

function withMultiples(
  bounds: NumberBounds,
  type: 'integer' | 'number',
  multiples: readonly Multiple[],
  place: Place
): Fragment | null {
  try {
    return numbersWithin(bounds, type, multiples)
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error
    allow(place, () => {
      throw unkept(place.at, 'multipleOf', multiples.map(({ of }) => of).join(', '))
    })
    return numbersWithin(bounds, type, [])
  }
}

interface Multiple {
  of: number
  /** The number of digits after the point. */
  decimals: number
}

function numbersWithin(
  bounds: NumberBounds,
  type: 'integer' | 'number',
  multiples: readonly Multiple[]
): Fragment | null {
  const decimals = Math.max(...multiples.map((one) => one.decimals), 0)
  const terms = new Terms()
  const shapes =
    type === 'integer'
      ? [[integerPattern(bounds), 0] as const]
      : multiples.length === 0
        ? [[numberPattern(bounds), 0] as const]
        : [
            [numberPattern(bounds, 0), 0] as const,
            ...(decimals === 0 ? [] : [[withDecimals(bounds, decimals), decimals] as const])
          ]
  const languages = shapes.map(([pattern, digits]) =>
    pattern === null ? terms.none : multiplesOf(terms, wholeTerm(terms, pattern), multiples, digits)
  )
  return languageRules(terms, terms.or(...languages), 'raw')
}

/** Numbers with just so many digits after the point: these and the bounds are both kept. */
function withDecimals(bounds: NumberBounds, decimals: number): string | null {
  const pattern = numberPattern(bounds, decimals)
  return pattern === null ? null : `(?=-?[0-9]+\\.[0-9]{${decimals}}$)${pattern}`
}

/**
 * Written with so many decimals, a number times a power of ten is the number of its digits, and
 * that is a multiple of the same multiple of the other.
 */
function multiplesOf(
  terms: Terms,
  shape: Term,
  multiples: readonly Multiple[],
  digits: number
): Term {
  const each = multiples.map(({ of, decimals }) => {
    const scaled = Math.round(of * 10 ** decimals)
    const missing = 10 ** Math.max(0, decimals - digits)
    const surplus = 10 ** Math.max(0, digits - decimals)
    return terms.multiple((scaled / greatestDivisor(scaled, missing)) * surplus)
  })
  return terms.and(shape, ...each)
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b))

function keptMultiples({ multiplesOf: given = [] }: Conjunction, { at }: Place): Multiple[] {
  return given.map((of) => {
    const [, fraction = '', exponent = '0'] =
      /^\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(of)) ?? []
    const decimals = Math.max(0, fraction.length - Number(exponent))
    if (decimals > DECIMALS_MAX || of > 1e9) throw unkept(at, 'multipleOf', String(of))
    return { of, decimals }
  })
}

function givenBounds(conjunction: Conjunction): [keyof NumberBounds, number][] {
  return BOUNDS.flatMap((keyword) => {
    const bound = conjunction[keyword]
    return bound === undefined ? [] : [[keyword, bound]]
  })
}

const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const

/** A bound that all written numbers keep is none; one that none of them keeps is refused. */
function keptBounds(given: [keyof NumberBounds, number][], { at }: Place): NumberBounds {
  const near = given.filter(([, bound]) => Math.abs(bound) < BOUND_MAX)
  for (const [keyword, bound] of given) {
    const isBelow = keyword === 'minimum' || keyword === 'exclusiveMinimum'
    if (isBelow ? bound >= BOUND_MAX : bound <= -BOUND_MAX) throw unkept(at, keyword, String(bound))
  }
  return Object.fromEntries(near)
}
