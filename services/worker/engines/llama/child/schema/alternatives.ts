/**
 * Resolves a schema's references, and what it combines by `allOf`, `anyOf` and `oneOf`, into a list
 * of alternatives: a value fits when it meets all demands of one of them.
 */
import { HaifError } from '#shared/errors.ts'
import { meet, type Conjunction } from './conjunction.ts'
import { areApart } from './apart.ts'
import { readKeywords } from './keywords.ts'
import { invalid, unkept } from './problems.ts'
import { schemaAt, type Json, type References, type Schema } from './references.ts'

/** A keyword that no grammar keeps is an error, or the rest of the schema is kept. */
export type Strictness = 'exact' | 'widened'

export interface Place {
  at: string
  depth: number
  references: References
  /** The number of the document among those of one grammar. */
  document: number
  strictness: Strictness
  /** The schemas that are being resolved, for a reference that leads back to itself. */
  open: ReadonlySet<Schema>
}

const DEPTH_MAX = 64
const ALTERNATIVES_MAX = 256
const COMBINING = ['$ref', '$dynamicRef', '$recursiveRef', 'allOf', 'anyOf', 'oneOf'] as const
/** They ask something of a value that depends on other parts of it. */
const BEYOND_GRAMMARS = [
  'not',
  'if',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'contains'
]

export function inside(place: Place, ...steps: (string | number)[]): Place {
  const at = [place.at, ...steps].join('/')
  return { ...place, at, depth: place.depth + 1, open: new Set() }
}

export function alternativesOf(schema: Schema, place: Place): Conjunction[] {
  if (place.depth > DEPTH_MAX) throw invalid(place.at, `schemas deeper than ${DEPTH_MAX} levels`)
  if (schema === true || schema === false) return schema ? [{}] : []
  if (place.open.has(schema)) throw invalid(place.at, '"$ref" leads back to itself')
  const here = { ...place, open: new Set([...place.open, schema]) }
  if (isNever(schema['not'])) return []
  for (const keyword of BEYOND_GRAMMARS) {
    if (Object.hasOwn(schema, keyword)) allow(here, () => refuse(keyword, here))
  }
  const own = allow(here, () => readKeywords(schema, here.at)) ?? {}
  let all = [own]
  for (const keyword of COMBINING) {
    for (const group of groupsOf(schema, keyword, here)) all = crossed(all, group, here)
  }
  return withNull(schema, all)
}

const isNever = (negated: unknown): boolean =>
  negated === true ||
  (typeof negated === 'object' && negated !== null && Object.keys(negated).length === 0)

/** Runs what may refuse the schema; when the rest is to be kept, its refusal says nothing. */
export function allow<Value>({ strictness }: Place, read: () => Value): Value | undefined {
  if (strictness === 'exact') return read()
  try {
    return read()
  } catch (error) {
    if (error instanceof HaifError) return undefined
    throw error
  }
}

function refuse(keyword: string, { at }: Place): never {
  throw unkept(at, keyword)
}

/** The lists of alternatives that a value must all meet by one keyword. */
function groupsOf(
  schema: Json,
  keyword: (typeof COMBINING)[number],
  place: Place
): Conjunction[][] {
  const given = schema[keyword]
  if (given === undefined) return []
  if (keyword.endsWith('ef')) return [referred(given, place)]
  if (!Array.isArray(given) || given.length === 0) {
    return allow(place, () => notAList(keyword, place)) ?? []
  }
  const groups = given.map((part, i) => {
    const at = `${place.at}/${keyword}/${i}`
    return alternativesOf(schemaAt(part, at), { ...place, at, depth: place.depth + 1 })
  })
  if (keyword === 'allOf') return groups
  if (keyword === 'oneOf') allow(place, () => assertApart(groups, place))
  return [groups.flat()]
}

function notAList(keyword: string, { at }: Place): never {
  throw invalid(at, `"${keyword}" must be a list of schemas`)
}

function referred(reference: unknown, place: Place): Conjunction[] {
  const target = allow(place, () => place.references.resolve(reference, place.at)) ?? true
  return alternativesOf(target, { ...place, depth: place.depth + 1 })
}

/** A value that fits two parts of a `oneOf` fits none. */
function assertApart(groups: readonly Conjunction[][], { at }: Place): void {
  for (const [i, first] of groups.entries()) {
    for (const second of groups.slice(i + 1)) {
      if (first.every((a) => second.every((b) => areApart(a, b)))) continue
      throw unkept(at, 'oneOf', 'a value may fit two of its parts: use "anyOf"')
    }
  }
}

function crossed(all: Conjunction[], group: Conjunction[], { at }: Place): Conjunction[] {
  if (all.length * group.length > ALTERNATIVES_MAX) {
    throw invalid(at, `it combines to more than ${ALTERNATIVES_MAX} alternatives`)
  }
  return all.flatMap((a) =>
    group.flatMap((b) => {
      const met = meet(a, b)
      return met === null ? [] : [met]
    })
  )
}

/** OpenAPI's `nullable`: JSON Schema has no such keyword, but its writers use it all the same. */
function withNull(schema: Json, all: Conjunction[]): Conjunction[] {
  if (schema['nullable'] !== true) return all
  const isNullable = all.some(({ types }) => types === undefined || types.includes('null'))
  return isNullable ? all : [...all, { types: ['null'] }]
}
