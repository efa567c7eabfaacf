/**
 * A JSON Schema as callers write it, in the dialect that the library makes grammars of. What the
 * dialect cannot keep is refused by name: the library itself passes over keywords that it does not
 * know, and then the answer would not be what was asked for.
 *
 * Every object is written with all of its properties, also the optional ones, and with no others.
 */
import { HaifError } from '#shared/errors.ts'

type Json = Record<string, unknown>
type Definitions = ReadonlyMap<string, Json>

const TYPES: ReadonlySet<unknown> = new Set([
  'string',
  'number',
  'integer',
  'boolean',
  'null',
  'object',
  'array'
])
/** They say nothing about which values fit. */
const ANNOTATIONS = [
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment'
]
const ROOT_KEYWORDS = ['$defs', 'definitions']
const KEYWORDS: Record<string, readonly string[]> = {
  string: ['minLength', 'maxLength', 'format'],
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'minItems', 'maxItems']
}
const FORMATS: ReadonlySet<unknown> = new Set(['date-time', 'time', 'date'])

const SCHEMA_CHARACTERS_MAX = 65_536
const DEPTH_MAX = 32
/** A repetition is written out when the grammar is compiled. */
const REPETITIONS_MAX = 2000

/** Throws UNSUPPORTED_PARAMETER or VALIDATION_FAILED with the keyword and where it stands. */
export function toGrammarSchema(schema: Json): Json {
  if (JSON.stringify(schema).length > SCHEMA_CHARACTERS_MAX) {
    throw invalid('#', `the schema is longer than ${SCHEMA_CHARACTERS_MAX} characters`)
  }
  if (schema['type'] !== 'object') {
    throw unsupportedKeyword('#', 'type', 'the outermost schema must have type "object"')
  }
  const definitions = definitionsOf(schema)
  const $defs = Object.fromEntries(
    [...definitions].map(([name, definition]) => {
      return [name, translate(definition, { at: `#/$defs/${name}`, depth: 1, definitions })]
    })
  )
  const root = translate(schema, { at: '#', depth: 0, definitions })
  return definitions.size === 0 ? root : { ...root, $defs }
}

interface Place {
  at: string
  depth: number
  definitions: Definitions
}

const inside = (place: Place, name: string): Place => {
  return { ...place, at: `${place.at}/${name}`, depth: place.depth + 1 }
}

function definitionsOf(root: Json): Definitions {
  const definitions = new Map<string, Json>()
  for (const keyword of ROOT_KEYWORDS) {
    for (const [name, definition] of Object.entries(
      objectAt(root[keyword] ?? {}, `#/${keyword}`)
    )) {
      definitions.set(name, objectAt(definition, `#/${keyword}/${name}`))
    }
  }
  return definitions
}

function translate(value: unknown, place: Place): Json {
  if (place.depth > DEPTH_MAX) throw invalid(place.at, `schemas deeper than ${DEPTH_MAX} levels`)
  const schema = objectAt(value, place.at)
  if (schema['$ref'] !== undefined) return translateRef(schema, place)
  if (schema['anyOf'] !== undefined) return translateAnyOf(schema, place)
  if (schema['enum'] !== undefined || schema['const'] !== undefined)
    return translateEnum(schema, place)
  const { type } = schema
  if (Array.isArray(type)) {
    return { oneOf: type.map((one: unknown) => translate(only({ ...schema, type: one }), place)) }
  }
  if (type === undefined) throw withoutType(schema, place)
  if (!TYPES.has(type)) throw invalid(place.at, `there is no type ${JSON.stringify(type)}`)
  refuseOthers(schema, ['type', ...(KEYWORDS[type as string] ?? [])], place)
  if (type === 'object') return translateObject(schema, place)
  if (type === 'array') return translateArray(schema, place)
  if (type === 'string') return translateString(schema, place)
  return { type }
}

function withoutType(schema: Json, place: Place): HaifError {
  const keyword = Object.keys(rest(schema))[0] ?? 'type'
  const hint = keyword === 'oneOf' ? 'use "anyOf"' : 'each schema needs a "type"'
  return unsupportedKeyword(place.at, keyword, hint)
}

/** Gives each of several types the keywords that apply to it. */
function only(schema: Json): Json {
  const others = Object.entries(KEYWORDS).filter(([type]) => type !== schema['type'])
  const foreign = new Set(others.flatMap(([, keywords]) => keywords))
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !foreign.has(keyword)))
}

function translateRef(schema: Json, place: Place): Json {
  refuseOthers(schema, ['$ref'], place)
  const { $ref } = schema
  const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(String($ref))?.[1]
  if (name === undefined || !place.definitions.has(name)) {
    throw unsupportedKeyword(
      place.at,
      '$ref',
      `${JSON.stringify($ref)} (only "#/$defs/…" that are there)`
    )
  }
  return { $ref: `#/$defs/${name}` }
}

/** The library says `oneOf` and means that any of them fits; a real `oneOf` it cannot keep. */
function translateAnyOf(schema: Json, place: Place): Json {
  refuseOthers(schema, ['anyOf'], place)
  const { anyOf } = schema
  if (!Array.isArray(anyOf) || anyOf.length === 0) {
    throw invalid(place.at, '"anyOf" must be a list of schemas')
  }
  return { oneOf: anyOf.map((one, i) => translate(one, inside(place, `anyOf/${i}`))) }
}

function translateEnum(schema: Json, place: Place): Json {
  refuseOthers(schema, ['type', 'enum', 'const'], place)
  const given = schema['const'] === undefined ? schema['enum'] : [schema['const']]
  if (!Array.isArray(given) || given.length === 0) {
    throw invalid(place.at, '"enum" must be a list of values')
  }
  const fits = (value: unknown) => {
    return schema['type'] === undefined || [schema['type']].flat().some((type) => isOf(value, type))
  }
  const values = given.filter(fits)
  if (values.length === 0) throw invalid(place.at, 'no value of "enum" has the given "type"')
  if (values.some((value) => typeof value === 'object' && value !== null)) {
    throw unsupportedKeyword(
      place.at,
      schema['const'] === undefined ? 'enum' : 'const',
      'objects and lists as values'
    )
  }
  return { enum: values }
}

function isOf(value: unknown, type: unknown): boolean {
  if (type === 'null') return value === null
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

function translateObject(schema: Json, place: Place): Json {
  const properties = objectAt(schema['properties'] ?? {}, `${place.at}/properties`)
  const names = Object.keys(properties)
  for (const name of stringsAt(schema['required'] ?? [], `${place.at}/required`)) {
    if (!names.includes(name)) {
      throw unsupportedKeyword(place.at, 'required', `"${name}", which is not in "properties"`)
    }
  }
  if (names.length === 0) return { type: 'object', additionalProperties: moreOf(schema, place) }
  const translated = names.map((name) => {
    return [name, translate(properties[name], inside(place, `properties/${name}`))]
  })
  return { type: 'object', properties: Object.fromEntries(translated) }
}

function moreOf(schema: Json, place: Place): unknown {
  const { additionalProperties: more = true } = schema
  return typeof more === 'boolean' ? more : translate(more, inside(place, 'additionalProperties'))
}

function translateArray(schema: Json, place: Place): Json {
  const { items, minItems, maxItems } = schema
  const bounds = boundsOf({ minItems, maxItems }, place)
  if (items === undefined || items === true) return { type: 'array', ...bounds }
  return { type: 'array', items: translate(items, inside(place, 'items')), ...bounds }
}

function translateString(schema: Json, place: Place): Json {
  const { format, minLength, maxLength } = schema
  const bounds = boundsOf({ minLength, maxLength }, place)
  if (format === undefined) return { type: 'string', ...bounds }
  if (!FORMATS.has(format)) throw unsupportedKeyword(place.at, 'format', JSON.stringify(format))
  const [bound] = Object.keys(bounds)
  if (bound !== undefined) throw unsupportedKeyword(place.at, bound, 'together with "format"')
  return { type: 'string', format }
}

/** A keyword that bounds a length from below, and one from above. */
function boundsOf(given: Json, place: Place): Json {
  const bounds = Object.entries(given).filter(([, value]) => value !== undefined)
  for (const [keyword, value] of bounds) {
    if (!Number.isInteger(value) || (value as number) < 0) {
      throw invalid(place.at, `"${keyword}" must be a whole number`)
    }
    if ((value as number) > REPETITIONS_MAX) {
      throw unsupportedKeyword(place.at, keyword, `more than ${REPETITIONS_MAX}`)
    }
  }
  const [least, most] = Object.values(given)
  if (least !== undefined && most !== undefined && (least as number) > (most as number)) {
    throw invalid(place.at, `${Object.keys(given).join(' is over ')}: no value fits`)
  }
  return Object.fromEntries(bounds)
}

function rest(schema: Json): Json {
  const ignored = [...ANNOTATIONS, ...ROOT_KEYWORDS]
  return Object.fromEntries(
    Object.entries(schema).filter(([keyword]) => !ignored.includes(keyword))
  )
}

function refuseOthers(schema: Json, known: readonly string[], place: Place): void {
  const other = Object.keys(rest(schema)).find((keyword) => !known.includes(keyword))
  if (other !== undefined) throw unsupportedKeyword(place.at, other)
}

function objectAt(value: unknown, at: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw invalid(at, 'there must be an object')
}

function stringsAt(value: unknown, at: string): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw invalid(at, 'there must be a list of names')
}

function unsupportedKeyword(at: string, keyword: string, what?: string): HaifError {
  return new HaifError(
    'UNSUPPORTED_PARAMETER',
    `the schema has "${keyword}" at ${at}, which the llama engine cannot keep` +
      (what === undefined ? '' : `: ${what}`),
    { details: { param: 'responseFormat', keyword } }
  )
}

function invalid(at: string, why: string): HaifError {
  return new HaifError('VALIDATION_FAILED', `the schema of the answer, at ${at}: ${why}`, {
    details: { param: 'responseFormat' }
  })
}
