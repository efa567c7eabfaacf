/** What one schema asks of a value, without references and alternatives: a list of demands. */
import { isDeepStrictEqual } from 'node:util'
import type { Schema } from './references.ts'

export const TYPES = ['null', 'boolean', 'object', 'array', 'string', 'number', 'integer'] as const
export type Type = (typeof TYPES)[number]

/** Each member is absent where nothing is asked. */
export interface Conjunction {
  types?: readonly Type[]
  /** The values of `enum` and `const`. */
  values?: readonly unknown[]

  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  multiplesOf?: readonly number[]

  minLength?: number
  maxLength?: number
  patterns?: readonly string[]
  formats?: readonly string[]

  properties?: readonly Named[]
  required?: readonly string[]
  patternProperties?: readonly Named[]
  additional?: Schema
  propertyNames?: Schema
  minProperties?: number
  maxProperties?: number

  prefix?: readonly Schema[]
  items?: Schema
  minItems?: number
  maxItems?: number
  unique?: true
}

export type Named = readonly [name: string, schema: Schema]

/** Both lists of demands in one; null when it is plain that no value meets them. */
export function meet(a: Conjunction, b: Conjunction): Conjunction | null {
  const types = both(a.types, b.types, sharedTypes)
  const values = both(a.values, b.values, sharedValues)
  if (types?.length === 0 || values?.length === 0) return null
  return defined({
    types,
    values,
    ...numbersOf(a, b),
    ...stringsOf(a, b),
    ...objectsOf(a, b),
    ...arraysOf(a, b)
  })
}

export function allOf(...schemas: Schema[]): Schema {
  const asking = schemas.filter((schema) => schema !== true)
  if (asking.includes(false)) return false
  return asking.length === 0 ? true : asking.length === 1 ? asking[0]! : { allOf: asking }
}

function numbersOf(a: Conjunction, b: Conjunction): Loose {
  return {
    minimum: both(a.minimum, b.minimum, Math.max),
    maximum: both(a.maximum, b.maximum, Math.min),
    exclusiveMinimum: both(a.exclusiveMinimum, b.exclusiveMinimum, Math.max),
    exclusiveMaximum: both(a.exclusiveMaximum, b.exclusiveMaximum, Math.min),
    multiplesOf: both(a.multiplesOf, b.multiplesOf, joined)
  }
}

function stringsOf(a: Conjunction, b: Conjunction): Loose {
  return {
    minLength: both(a.minLength, b.minLength, Math.max),
    maxLength: both(a.maxLength, b.maxLength, Math.min),
    patterns: both(a.patterns, b.patterns, joined),
    formats: both(a.formats, b.formats, joined)
  }
}

/**
 * `additionalProperties: false` in one part of an `allOf` forbids the properties of the others, by
 * the letter; those who write it mean that there are no further ones, and get that.
 */
function objectsOf(a: Conjunction, b: Conjunction): Loose {
  return {
    properties: both(a.properties, b.properties, (x, y) => {
      return mergedNamed(restricted(x, y, b.additional), restricted(y, x, a.additional))
    }),
    required: both(a.required, b.required, joined),
    patternProperties: both(a.patternProperties, b.patternProperties, mergedNamed),
    additional: both(a.additional, b.additional, allOf),
    propertyNames: both(a.propertyNames, b.propertyNames, allOf),
    minProperties: both(a.minProperties, b.minProperties, Math.max),
    maxProperties: both(a.maxProperties, b.maxProperties, Math.min)
  }
}

function arraysOf(a: Conjunction, b: Conjunction): Loose {
  return {
    prefix: prefixOf(a, b),
    items: both(a.items, b.items, allOf),
    minItems: both(a.minItems, b.minItems, Math.max),
    maxItems: both(a.maxItems, b.maxItems, Math.min),
    unique: a.unique ?? b.unique
  }
}

function prefixOf(a: Conjunction, b: Conjunction): readonly Schema[] | undefined {
  if (a.prefix === undefined && b.prefix === undefined) return undefined
  const [x, y] = [a.prefix ?? [], b.prefix ?? []]
  return Array.from({ length: Math.max(x.length, y.length) }, (_, i) =>
    allOf(x[i] ?? a.items ?? true, y[i] ?? b.items ?? true)
  )
}

/** A schema for all further properties also holds for those that only the other side names. */
function restricted(
  own: readonly Named[],
  others: readonly Named[],
  further: Schema | undefined
): readonly Named[] {
  if (further === undefined || typeof further === 'boolean') return own
  const known = new Set(others.map(([name]) => name))
  return own.map(([name, schema]) => [name, known.has(name) ? schema : allOf(schema, further)])
}

function mergedNamed(a: readonly Named[], b: readonly Named[]): readonly Named[] {
  const merged = new Map(a)
  for (const [name, schema] of b) merged.set(name, allOf(merged.get(name) ?? true, schema))
  return [...merged]
}

function sharedTypes(a: readonly Type[], b: readonly Type[]): readonly Type[] {
  const isIn = (type: Type, list: readonly Type[]) =>
    list.includes(type) || (type === 'integer' && list.includes('number'))
  return TYPES.filter((type) => isIn(type, a) && isIn(type, b)).filter(
    (type, _, all) => type !== 'integer' || !all.includes('number')
  )
}

function sharedValues(a: readonly unknown[], b: readonly unknown[]): readonly unknown[] {
  return a.filter((value) => b.some((other) => isDeepStrictEqual(value, other)))
}

const joined = <Item>(a: readonly Item[], b: readonly Item[]): readonly Item[] => [
  ...new Set([...a, ...b])
]

function both<Value>(
  a: Value | undefined,
  b: Value | undefined,
  merge: (a: Value, b: Value) => Value
): Value | undefined {
  return a === undefined ? b : b === undefined ? a : merge(a, b)
}

type Loose = { [Name in keyof Conjunction]: Conjunction[Name] | undefined }

export function defined(loose: Loose): Conjunction {
  return Object.fromEntries(Object.entries(loose).filter(([, value]) => value !== undefined))
}
