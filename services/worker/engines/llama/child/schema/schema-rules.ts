/**
 * A JSON Schema as rules of a grammar, in llama.cpp's notation: every value that they allow fits
 * the schema. What the schema asks and no grammar can keep is refused by its name and place; or,
 * for a schema that only describes, left out, and the rest is kept.
 *
 * One writer makes the rules of several schemas, and equal parts of them are written once. All its
 * names begin with a prefix that other rules must not use.
 */
import { alternativesOf, inside, type Place, type Strictness } from './alternatives.ts'
import { arrayExpression } from './array-rules.ts'
import { constantsExpression, fittingValues } from './constants.ts'
import { TYPES, type Conjunction, type Type } from './conjunction.ts'
import { literal, choice } from './gbnf.ts'
import { numberExpression, anyNumber } from './number-rules.ts'
import { objectExpression, propertiesOf } from './object-rules.ts'
import { invalid } from './problems.ts'
import { References, type Json, type Schema } from './references.ts'
import { NOTHING, Rules } from './rules.ts'
import { anyString, stringExpression } from './string-rules.ts'
import type { Expression, ValueWriter } from './writer.ts'

/** One argument of a tool, for formats that write each by itself. */
export interface Parameter {
  name: string
  required: boolean
  /** The rule of its value as JSON. */
  json: string
  /** Whether its value is a text: one that some formats write without quotation marks. */
  text: 'always' | 'sometimes' | 'never'
  /** The rule of that text without quotation marks; null when it is any text. */
  raw: string | null
}

const SCHEMA_CHARACTERS_MAX = 262_144
const FEW_VALUES_MAX = 64
const SPACE = '( [ ] | "\\n" [ \\t]{0,20} )?'

export class SchemaRules implements ValueWriter {
  readonly rules: Rules
  readonly space: string
  readonly #names = new Map<string, string | null>()
  #documents = 0

  constructor(prefix = 'json-') {
    this.rules = new Rules(prefix)
    this.space = this.rules.shared('space', SPACE)
  }

  /** All the rules, a line each. */
  get text(): string {
    return this.rules.text
  }

  /** The name of the rule of the schema's values. */
  add(schema: Schema, strictness: Strictness = 'exact'): string {
    const place = this.#document(schema, strictness)
    const name = this.value(schema, place)
    if (name === null) throw invalid('#', 'no value fits it')
    this.#assertEnds()
    return name
  }

  /** The arguments of a tool one by one; null when its schema is not one object's. */
  parameters(schema: Schema, strictness: Strictness = 'exact'): Parameter[] | null {
    const place = this.#document(schema, strictness)
    const objects = alternativesOf(schema, place).filter(
      ({ types }) => types === undefined || types.includes('object')
    )
    const [only] = objects
    if (only === undefined || objects.length > 1) return null
    const parameters = propertiesOf(this, only, place)?.flatMap(
      ({ name, schema: own, required }) => {
        const here = inside(place, 'properties', name)
        const json = this.value(own, here)
        return json === null ? [] : [{ name, required, json, ...this.#rawOf(own, here) }]
      }
    )
    this.#assertEnds()
    return parameters ?? null
  }

  value(schema: Schema, place: Place): string | null {
    if (schema === true) return this.#any
    const key = keyOf(schema, place)
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const name = this.rules.reserve(place.at)
    this.#names.set(key, name)
    const all = alternativesOf(schema, place).flatMap((one) => this.#expressions(one, place))
    if (all.length === 0) {
      this.rules.define(name, '""')
      this.#names.set(key, null)
      return null
    }
    const text = [...new Set(all.map((one) => one.text))].join(' | ')
    return this.rules.define(
      name,
      text,
      all.flatMap(({ needs }) => needs)
    )
  }

  fewValues(schema: Schema, place: Place): readonly unknown[] | null {
    const values = alternativesOf(schema, place).map((one) =>
      one.values === undefined ? valuesOfTypes(one.types) : fittingValues(one)
    )
    const all = values.includes(null) ? null : values.flatMap((some) => some ?? [])
    return all === null || all.length > FEW_VALUES_MAX ? null : [...new Set(all)]
  }

  #document(schema: Schema, strictness: Strictness): Place {
    if (JSON.stringify(schema).length > SCHEMA_CHARACTERS_MAX) {
      throw invalid('#', `the schema is longer than ${SCHEMA_CHARACTERS_MAX} characters`)
    }
    const references = new References(schema)
    return {
      at: '#',
      depth: 0,
      references,
      strictness,
      open: new Set(),
      document: this.#documents++
    }
  }

  #expressions(conjunction: Conjunction, place: Place): Expression[] {
    if (conjunction.values !== undefined) {
      const values = fittingValues(conjunction)
      return values.length === 0 ? [] : [plain(constantsExpression(values, this.space))]
    }
    if (Object.keys(conjunction).length === 0) return [plain(this.#any)]
    return typesOf(conjunction).flatMap((type) => {
      const expression = this.#ofType(type, conjunction, place)
      return expression === null ? [] : [expression]
    })
  }

  #ofType(type: Type, conjunction: Conjunction, place: Place): Expression | null {
    switch (type) {
      case 'null':
        return plain('"null"')
      case 'boolean':
        return plain('"true" | "false"')
      case 'integer':
      case 'number':
        return plainOrNone(numberExpression(this.rules, conjunction, type, place))
      case 'string':
        return plainOrNone(stringExpression(this.rules, conjunction, place, 'json'))
      case 'object':
        return isAnyObject(conjunction)
          ? plain(this.#anyObject)
          : objectExpression(this, conjunction, place)
      case 'array':
        return arrayExpression(this, conjunction, place)
    }
  }

  #rawOf(schema: Schema, place: Place): Pick<Parameter, 'text' | 'raw'> {
    const all = alternativesOf(schema, place)
    const texts = all.filter((one) => mayBe(one, 'string'))
    if (texts.length === 0) return { text: 'never', raw: null }
    const isAlways = all.every((one) => isOnlyText(one))
    const raw = texts.map((one) => this.#rawText(one, place))
    const isFree = !isAlways || raw.includes(null)
    return {
      text: isAlways ? 'always' : 'sometimes',
      raw: isFree ? null : this.rules.add(raw.join(' | '))
    }
  }

  #rawText(conjunction: Conjunction, place: Place): string | null {
    if (conjunction.values !== undefined) {
      const texts = fittingValues(conjunction).filter((value) => typeof value === 'string')
      return texts.length === 0 ? null : choice(...texts.map(literal))
    }
    if (conjunction.patterns === undefined && conjunction.formats === undefined) return null
    return stringExpression(this.rules, conjunction, place, 'raw')
  }

  get #any(): string {
    const { rules, space } = this
    const value = rules.shared(
      'value',
      `${rules.prefix}object | ${rules.prefix}array | ${anyString(rules)} | ${anyNumber(rules)} | ` +
        '"true" | "false" | "null"'
    )
    rules.shared('array', `"[" ${space} ( ${value} ( "," ${space} ${value} )* ${space} )? "]"`)
    rules.shared(
      'object',
      `"{" ${space} ( ${this.#member} ( "," ${space} ${this.#member} )* ${space} )? "}"`
    )
    return value
  }

  get #anyObject(): string {
    void this.#any
    return `${this.rules.prefix}object`
  }

  get #member(): string {
    const { rules, space } = this
    return rules.shared('member', `${anyString(rules)} ":" ${space} ${rules.prefix}value`)
  }

  #assertEnds(): void {
    const at = this.rules.endless()
    if (at === undefined) return
    throw invalid(at, 'a value of it has no end: it needs another value of its own kind, always')
  }
}

const plain = (text: string): Expression => ({ text, needs: NOTHING })
const plainOrNone = (text: string | null): Expression | null => (text === null ? null : plain(text))

/** A text with references means something only in its own document. */
function keyOf(schema: Json | false, { document, strictness }: Place): string {
  const text = JSON.stringify(schema)
  const of = /"\$(?:dynamic|recursive)?[Rr]ef"/.test(text) ? document : ''
  return `${strictness} ${of} ${text}`
}

/** Without a type, the keywords tell which one is meant. */
function typesOf(conjunction: Conjunction): readonly Type[] {
  if (conjunction.types !== undefined) return conjunction.types
  const meant = TYPES.filter((type) => KEYWORDS[type]?.some((keyword) => keyword in conjunction))
  return meant.length === 0 ? ANY_TYPES : meant
}

const ANY_TYPES = TYPES.filter((type) => type !== 'integer')
const KEYWORDS: Partial<Record<Type, readonly (keyof Conjunction)[]>> = {
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multiplesOf'],
  string: ['minLength', 'maxLength', 'patterns', 'formats'],
  object: [
    'properties',
    'required',
    'patternProperties',
    'additional',
    'propertyNames',
    'minProperties',
    'maxProperties'
  ],
  array: ['prefix', 'items', 'minItems', 'maxItems', 'unique']
}

function isAnyObject(conjunction: Conjunction): boolean {
  const { additional = true } = conjunction
  return (
    additional === true &&
    !KEYWORDS.object!.some((keyword) => keyword !== 'additional' && keyword in conjunction)
  )
}

function valuesOfTypes(types: readonly Type[] | undefined): readonly unknown[] | null {
  const values: Partial<Record<Type, readonly unknown[]>> = { null: [null], boolean: [true, false] }
  if (types === undefined) return null
  const all = types.map((type) => values[type] ?? null)
  return all.includes(null) ? null : all.flatMap((some) => some ?? [])
}

function mayBe(conjunction: Conjunction, type: Type): boolean {
  const { values } = conjunction
  if (values !== undefined) return fittingValues(conjunction).some((one) => typeof one === type)
  return typesOf(conjunction).includes(type)
}

function isOnlyText(conjunction: Conjunction): boolean {
  const { values } = conjunction
  if (values !== undefined) return values.every((value) => typeof value === 'string')
  return typesOf(conjunction).every((type) => type === 'string')
}
