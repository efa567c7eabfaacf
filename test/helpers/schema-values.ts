/**
 * Values made from a schema: an example that fits, and examples that break one bound each. The
 * contracts use few keywords, and a keyword that is not known here fails the test that meets it.
 */
import type { TSchema } from 'typebox'

interface Node {
  const?: unknown
  enum?: unknown[]
  anyOf?: Node[]
  type?: string
  properties?: Record<string, Node>
  patternProperties?: Record<string, Node>
  maxProperties?: number
  additionalProperties?: boolean
  items?: Node
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
}

/** A value that fits except in one place. */
interface Breach {
  /** The path of the place, such as `messages.0.content`. */
  at: string
  /** The bound, such as `maxItems 1024`. */
  bound: string
  value: unknown
}

/** No text of a contract with a pattern may be as long as this. */
const PATTERN_CHARACTERS_MAX = 512
/** One text for each pattern of the contracts, by what it is for. */
const PATTERN_SAMPLES = [
  'infer',
  'abcd',
  '1',
  `job-${'a'.repeat(32)}`,
  ...[32, 64, 128].map((digits) => 'a'.repeat(digits))
]

/** An example with every field, optional ones included. */
export const exampleOf = (schema: TSchema): unknown => example(schema)

/** One breach for each bound of the schema. */
export const breachesOf = (schema: TSchema): Breach[] => [...breaches(schema, '')]

/** Paths of texts, lists and records whose size has no bound. */
export const unboundedIn = (schema: TSchema): string[] => [...unbounded(schema, '')]

/** Paths of objects that refuse unknown fields. */
export const strictIn = (schema: TSchema): string[] => [...strict(schema, '')]

function example(node: Node): unknown {
  if ('const' in node) return node.const
  if (node.enum !== undefined) return node.enum[0]
  if (node.anyOf !== undefined) return example(node.anyOf[0]!)
  switch (node.type) {
    case 'object':
      return mapped(node.properties ?? {}, example)
    case 'array':
      return [example(node.items!)]
    case 'string':
      return text(node)
    case 'integer':
    case 'number':
      return number(node)
    case 'boolean':
      return true
    case 'null':
      return null
    case undefined:
      return {} // of any type
    default:
      throw new Error(`no example for ${node.type}`)
  }
}

function text({ pattern, minLength = 1 }: Node): string {
  if (pattern === undefined) return 'a'.repeat(minLength)
  const sample = PATTERN_SAMPLES.find((each) => new RegExp(pattern).test(each))
  if (sample === undefined) throw new Error(`no sample for the pattern ${pattern}`)
  return sample
}

const number = ({ minimum = -Infinity, maximum = Infinity }: Node): number =>
  Math.min(maximum, Math.max(minimum, 1))

function* breaches(node: Node, at: string): Generator<Breach> {
  for (const alternative of node.anyOf ?? []) yield* breaches(alternative, at)
  const { type, minimum, maximum, minLength = 0, maxLength, pattern } = node
  if (minimum !== undefined) yield { at, bound: `minimum ${minimum}`, value: minimum - 1 }
  if (maximum !== undefined) yield { at, bound: `maximum ${maximum}`, value: maximum + 1 }
  if (minLength > 0) yield { at, bound: `minLength ${minLength}`, value: '' }
  if (maxLength !== undefined) {
    yield { at, bound: `maxLength ${maxLength}`, value: 'a'.repeat(maxLength + 1) }
  }
  if (pattern !== undefined) {
    yield { at, bound: 'pattern', value: text(node).repeat(PATTERN_CHARACTERS_MAX) }
  }
  if (type === 'array') yield* listBreaches(node, at)
  if (type === 'object') yield* fieldBreaches(node, at)
}

function* listBreaches({ items, minItems = 0, maxItems }: Node, at: string): Generator<Breach> {
  if (minItems > 0) yield { at, bound: `minItems ${minItems}`, value: [] }
  if (maxItems !== undefined) {
    const value: unknown[] = Array.from({ length: maxItems + 1 })
    yield { at, bound: `maxItems ${maxItems}`, value: value.fill(example(items!)) }
  }
  for (const breach of breaches(items!, within(at, '0'))) yield { ...breach, value: [breach.value] }
}

function* fieldBreaches(node: Node, at: string): Generator<Breach> {
  const { properties = {}, maxProperties } = node
  if (maxProperties !== undefined) {
    const names = Array.from({ length: maxProperties + 1 }, (_, i) => [String(i), entry(node)])
    yield { at, bound: `maxProperties ${maxProperties}`, value: Object.fromEntries(names) }
  }
  const whole = mapped(properties, example)
  for (const [name, inner] of Object.entries(properties)) {
    for (const breach of breaches(inner, within(at, name))) {
      yield { ...breach, value: { ...whole, [name]: breach.value } }
    }
  }
  for (const inner of Object.values(node.patternProperties ?? {})) {
    for (const breach of breaches(inner, within(at, '1'))) {
      yield { ...breach, value: { 1: breach.value } }
    }
  }
}

/** The value of one entry of a record. */
const entry = ({ patternProperties = {} }: Node): unknown =>
  Object.values(patternProperties).map(example)[0]

function* unbounded(node: Node, at: string): Generator<string> {
  const { type, items, maxItems, maxLength, pattern, patternProperties, maxProperties } = node
  if (type === 'string' && maxLength === undefined && pattern === undefined) {
    if (!('const' in node) && node.enum === undefined) yield at
  }
  if (type === 'array' && maxItems === undefined) yield at
  if (patternProperties !== undefined && maxProperties === undefined) yield at
  for (const alternative of node.anyOf ?? []) yield* unbounded(alternative, at)
  if (items !== undefined) yield* unbounded(items, within(at, '0'))
  for (const [name, inner] of Object.entries(node.properties ?? {})) {
    yield* unbounded(inner, within(at, name))
  }
  for (const inner of Object.values(patternProperties ?? {})) {
    yield* unbounded(inner, within(at, '*'))
  }
}

function* strict(node: Node, at: string): Generator<string> {
  if (node.additionalProperties === false) yield at
  for (const alternative of node.anyOf ?? []) yield* strict(alternative, at)
  if (node.items !== undefined) yield* strict(node.items, within(at, '0'))
  for (const [name, inner] of Object.entries(node.properties ?? {})) {
    yield* strict(inner, within(at, name))
  }
}

const mapped = (nodes: Record<string, Node>, make: (node: Node) => unknown) =>
  Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, make(node)]))

const within = (at: string, name: string): string => (at === '' ? name : `${at}.${name}`)
