/** Whether two alternatives of a `oneOf` can have a value in common. */
import { isDeepStrictEqual } from 'node:util'
import type { Conjunction, Type } from './conjunction.ts'
import type { Schema } from './references.ts'

/** True only when it is sure that no written value fits both. */
export function areApart(a: Conjunction, b: Conjunction): boolean {
  const [x, y] = [typesOf(a), typesOf(b)]
  if (x !== null && y !== null && !x.some((type) => y.some((other) => overlap(type, other)))) {
    return true
  }
  if (valuesApart(a.values, b.values) || rangesApart(a, b) || rangesApart(b, a)) return true
  const areObjects = isOnly('object', x) && isOnly('object', y)
  return areObjects && (tagsApart(a, b) || (lacks(a, b) && lacks(b, a)))
}

const isOnly = (type: Type, types: readonly Type[] | null): boolean =>
  types?.length === 1 && types[0] === type

function overlap(a: Type, b: Type): boolean {
  const isNumber = (type: Type) => type === 'number' || type === 'integer'
  return a === b || (isNumber(a) && isNumber(b))
}

/** The types of an alternative; null when it may be any. */
function typesOf({ types, values, properties, required }: Conjunction): readonly Type[] | null {
  if (values !== undefined) return [...new Set(values.map(typeOf))]
  if (types !== undefined) return types
  return properties === undefined && required === undefined ? null : ['object']
}

export function typeOf(value: unknown): Type {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value === 'object' ? 'object' : (typeof value as Type)
}

function valuesApart(
  a: readonly unknown[] | undefined,
  b: readonly unknown[] | undefined
): boolean {
  if (a === undefined || b === undefined) return false
  return !a.some((value) => b.some((other) => isDeepStrictEqual(value, other)))
}

function rangesApart(low: Conjunction, high: Conjunction): boolean {
  const [top, bottom] = [low.maximum ?? low.exclusiveMaximum, high.minimum ?? high.exclusiveMinimum]
  if (top === undefined || bottom === undefined) return false
  const touches = low.maximum !== undefined && high.minimum !== undefined
  return top < bottom || (top === bottom && !touches)
}

/** A property that both require, with values that are not those of the other: a discriminator. */
function tagsApart(a: Conjunction, b: Conjunction): boolean {
  const others = new Map(b.properties)
  return (a.properties ?? []).some(([name, schema]) => {
    const other = others.get(name)
    const isRequired = a.required?.includes(name) === true && b.required?.includes(name) === true
    return isRequired && other !== undefined && valuesApart(constantsOf(schema), constantsOf(other))
  })
}

function constantsOf(schema: Schema): readonly unknown[] | undefined {
  if (typeof schema === 'boolean') return undefined
  if (Object.hasOwn(schema, 'const')) return [schema['const']]
  const values = schema['enum']
  return Array.isArray(values) ? values : undefined
}

/** True when a written value of the first lacks a property that the second requires. */
function lacks(first: Conjunction, second: Conjunction): boolean {
  const { properties = [], additional = false, patternProperties = [] } = first
  if (additional !== false || patternProperties.length > 0) return false
  const names = new Set(properties.map(([name]) => name))
  return (second.required ?? []).some((name) => !names.has(name))
}
