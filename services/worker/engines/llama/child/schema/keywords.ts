/** Reads the keywords of one schema that ask something of a value by themselves. */
import { defined, TYPES, type Conjunction, type Named, type Type } from './conjunction.ts'
import { invalid } from './problems.ts'
import { schemaAt, type Json, type Schema } from './references.ts'

export function readKeywords(schema: Json, at: string): Conjunction {
  const read = new KeywordReader(schema, at)
  const [low, high] = [read.number('minimum'), read.number('maximum')]
  const prefix = read.schemas('prefixItems') ?? read.tuple()
  return defined({
    types: read.types(),
    values: read.values(),
    ...read.bounds(low, high),
    multiplesOf: read.multiple(),
    minLength: read.count('minLength'),
    maxLength: read.count('maxLength'),
    patterns: read.texts('pattern'),
    formats: read.texts('format'),
    properties: read.named('properties'),
    required: read.names('required'),
    patternProperties: read.named('patternProperties'),
    additional: read.schema('additionalProperties') ?? read.schema('unevaluatedProperties'),
    propertyNames: read.schema('propertyNames'),
    minProperties: read.count('minProperties'),
    maxProperties: read.count('maxProperties'),
    prefix,
    items: read.furtherItems(prefix),
    minItems: read.count('minItems'),
    maxItems: read.count('maxItems'),
    unique: read.flag('uniqueItems')
  })
}

class KeywordReader {
  readonly #schema: Json
  readonly #at: string

  constructor(schema: Json, at: string) {
    this.#schema = schema
    this.#at = at
  }

  types(): Type[] | undefined {
    const given = this.#schema['type']
    if (given === undefined) return undefined
    const types = [given].flat()
    if (types.length === 0) throw invalid(this.#at, '"type" is an empty list')
    for (const type of types) {
      if (TYPES.includes(type as Type)) continue
      throw invalid(this.#at, `there is no type ${JSON.stringify(type)}`)
    }
    const named = TYPES.filter((type) => types.includes(type))
    return named.filter((type) => type !== 'integer' || !named.includes('number'))
  }

  values(): readonly unknown[] | undefined {
    if (Object.hasOwn(this.#schema, 'const')) return [this.#schema['const']]
    const given = this.#schema['enum']
    if (given === undefined) return undefined
    if (Array.isArray(given) && given.length > 0) return given
    throw invalid(this.#at, '"enum" must be a list of values')
  }

  /** In the oldest drafts `exclusiveMinimum: true` speaks of `minimum`. */
  bounds(low: number | undefined, high: number | undefined): Conjunction {
    const above = this.#limit('exclusiveMinimum', low)
    const below = this.#limit('exclusiveMaximum', high)
    return defined({
      minimum: this.#schema['exclusiveMinimum'] === true ? undefined : low,
      maximum: this.#schema['exclusiveMaximum'] === true ? undefined : high,
      exclusiveMinimum: above,
      exclusiveMaximum: below
    })
  }

  #limit(keyword: string, bound: number | undefined): number | undefined {
    const given = this.#schema[keyword]
    if (typeof given === 'boolean') return given ? bound : undefined
    return this.number(keyword)
  }

  number(keyword: string): number | undefined {
    const given = this.#schema[keyword]
    if (given === undefined || (typeof given === 'number' && Number.isFinite(given))) return given
    throw invalid(this.#at, `"${keyword}" must be a number`)
  }

  count(keyword: string): number | undefined {
    const given = this.#schema[keyword]
    if (given === undefined) return undefined
    if (Number.isSafeInteger(given) && (given as number) >= 0) return given as number
    throw invalid(this.#at, `"${keyword}" must be a whole number`)
  }

  multiple(): readonly number[] | undefined {
    const given = this.number('multipleOf')
    if (given === undefined) return undefined
    if (given > 0) return [given]
    throw invalid(this.#at, '"multipleOf" must be above 0')
  }

  texts(keyword: string): readonly string[] | undefined {
    const given = this.#schema[keyword]
    if (given === undefined) return undefined
    if (typeof given === 'string') return [given]
    throw invalid(this.#at, `"${keyword}" must be a text`)
  }

  names(keyword: string): readonly string[] | undefined {
    const given = this.#schema[keyword]
    if (given === undefined) return undefined
    if (Array.isArray(given) && given.every((name) => typeof name === 'string')) return given
    throw invalid(`${this.#at}/${keyword}`, 'there must be a list of names')
  }

  flag(keyword: string): true | undefined {
    return this.#schema[keyword] === true ? true : undefined
  }

  schema(keyword: string): Schema | undefined {
    const given = this.#schema[keyword]
    return given === undefined ? undefined : schemaAt(given, `${this.#at}/${keyword}`)
  }

  named(keyword: string): readonly Named[] | undefined {
    const given = this.#schema[keyword]
    if (given === undefined) return undefined
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw invalid(`${this.#at}/${keyword}`, 'there must be an object')
    }
    return Object.entries(given).map(([name, value]) => [
      name,
      schemaAt(value, `${this.#at}/${keyword}/${name}`)
    ])
  }

  schemas(keyword: string): readonly Schema[] | undefined {
    const given = this.#schema[keyword]
    if (given === undefined) return undefined
    if (!Array.isArray(given)) throw invalid(this.#at, `"${keyword}" must be a list of schemas`)
    return given.map((value, i) => schemaAt(value, `${this.#at}/${keyword}/${i}`))
  }

  /** Before 2020 a list in `items` was a tuple. */
  tuple(): readonly Schema[] | undefined {
    return Array.isArray(this.#schema['items']) ? this.schemas('items') : undefined
  }

  furtherItems(prefix: readonly Schema[] | undefined): Schema | undefined {
    if (Array.isArray(this.#schema['items'])) return this.schema('additionalItems')
    const items = this.schema('items')
    return items ?? (prefix === undefined ? undefined : this.schema('unevaluatedItems'))
  }
}
