/** The members of an object that have no name in its schema. */
import { alternativesOf, inside, type Place } from './alternatives.ts'
import { allOf, type Conjunction } from './conjunction.ts'
import { choice, sequence } from './gbnf.ts'
import { languageRules } from './pattern/language-rules.ts'
import { UnsupportedPattern } from './pattern/read-pattern.ts'
import { searchTerm } from './pattern/pattern-term.ts'
import { unkept } from './problems.ts'
import type { Schema } from './references.ts'
import { Terms, TooComplex, type Term } from './pattern/regular.ts'
import { anyString, stringTerm, textsTerm } from './string-rules.ts'
import type { Expression, ValueWriter } from './writer.ts'

/** Patterns of names that are told apart; each two may have names in common. */
const PATTERNS_MAX = 5

/** The names of a record whose schema lists them, as an enumeration in `propertyNames`. */
export function keysOf(
  writer: ValueWriter,
  { propertyNames }: Conjunction,
  place: Place
): readonly string[] | null {
  if (propertyNames === undefined) return null
  const values = writer.fewValues(propertyNames, inside(place, 'propertyNames'))
  return values?.filter((value) => typeof value === 'string') ?? null
}

/** An expression for one member; null where there are none. Its needs are lists of one each. */
export function freeMembers(
  writer: ValueWriter,
  conjunction: Conjunction,
  properties: readonly { name: string }[],
  place: Place
): Expression | null {
  const { patternProperties = [], propertyNames } = conjunction
  const isNamed = properties.length > 0 || patternProperties.length > 0
  const additional = conjunction.additional ?? !isNamed
  if (keysOf(writer, conjunction, place) !== null) return null
  if (additional === false && patternProperties.length === 0) return null
  const exact = place.strictness === 'exact'
  if (patternProperties.length > PATTERNS_MAX && exact) {
    throw unkept(place.at, 'patternProperties', `more than ${PATTERNS_MAX}`)
  }
  const keys = new Keys(propertyNames, properties, place)
  const kinds = kindsOf(patternProperties.slice(0, PATTERNS_MAX), additional)
  const members = kinds.flatMap(({ patterns, others, schema }) => {
    const key = keys.expression(writer, patterns, others)
    const rule = key === null ? null : writer.value(schema, inside(place, 'additionalProperties'))
    return key === null || rule === null ? [] : [{ key, rule }]
  })
  if (members.length === 0) return null
  const texts = members.map(({ key, rule }) => sequence(key, '":"', writer.space, rule))
  return { text: choice(...texts), needs: members.map(({ rule }) => [rule]) }
}

interface Kind {
  /** The patterns that a name has. */
  patterns: readonly string[]
  /** Those that it does not have. */
  others: readonly string[]
  schema: Schema
}

/** A name may have several of the patterns, and then its value must fit all their schemas. */
function kindsOf(
  patternProperties: NonNullable<Conjunction['patternProperties']>,
  additional: Schema
): Kind[] {
  const kinds: Kind[] = []
  for (let bits = 1; bits < 2 ** patternProperties.length; bits++) {
    const chosen = patternProperties.filter((_, i) => (bits & (1 << i)) !== 0)
    const others = patternProperties.filter((_, i) => (bits & (1 << i)) === 0)
    kinds.push({
      patterns: chosen.map(([pattern]) => pattern),
      others: others.map(([pattern]) => pattern),
      schema: allOf(...chosen.map(([, schema]) => schema))
    })
  }
  const all = patternProperties.map(([pattern]) => pattern)
  return [...kinds, { patterns: [], others: all, schema: additional }]
}

/** The expressions of keys: never the name of a property that the schema has. */
class Keys {
  readonly #terms = new Terms()
  readonly #propertyNames: Schema | undefined
  readonly #names: readonly string[]
  readonly #place: Place

  constructor(
    propertyNames: Schema | undefined,
    properties: readonly { name: string }[],
    place: Place
  ) {
    this.#propertyNames = propertyNames
    this.#names = properties.map(({ name }) => name)
    this.#place = place
  }

  expression(
    { rules }: ValueWriter,
    patterns: readonly string[],
    others: readonly string[]
  ): string | null {
    try {
      const language = this.#language(patterns, others)
      if (language === this.#terms.everything) return anyString(rules)
      const fragment = languageRules(this.#terms, language, 'json')
      return fragment === null ? null : rules.insert(fragment)
    } catch (error) {
      if (!(error instanceof TooComplex || error instanceof UnsupportedPattern)) throw error
      if (this.#place.strictness === 'widened') return null
      const keyword = this.#propertyNames === undefined ? 'patternProperties' : 'propertyNames'
      throw unkept(this.#place.at, keyword, error.message)
    }
  }

  #language(patterns: readonly string[], others: readonly string[]): Term {
    const terms = this.#terms
    return terms.and(
      this.#allowed(),
      ...patterns.map((pattern) => searchTerm(terms, pattern)),
      ...others.map((pattern) => terms.not(searchTerm(terms, pattern))),
      terms.not(textsTerm(terms, this.#names))
    )
  }

  #allowed(): Term {
    if (this.#propertyNames === undefined) return this.#terms.everything
    const place = inside(this.#place, 'propertyNames')
    const all = alternativesOf(this.#propertyNames, place).filter(
      ({ types }) => types === undefined || types.includes('string')
    )
    return this.#terms.or(...all.map((one) => stringTerm(this.#terms, one, place)))
  }
}
