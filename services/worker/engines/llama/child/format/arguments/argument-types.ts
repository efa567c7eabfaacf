/**
 * Which JSON types an argument may have, by its tool's schema. In a form where texts stand between
 * marks as they are, only the schema tells the text 42 from the number.
 */
export type Schema = Readonly<Record<string, unknown>>
export type JsonType = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array'

const ALL: readonly JsonType[] = ['string', 'number', 'boolean', 'null', 'object', 'array']
/** A reference that leads to itself says nothing. */
const DEPTH_MAX = 16

/** The schema of a property; undefined where the tool names none. */
export function propertySchema(root: Schema | undefined, key: string): unknown {
  const properties = resolved(root, root)?.['properties']
  return isSchema(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined
}

export function typesOf(schema: unknown, root: Schema | undefined): ReadonlySet<JsonType> {
  const types = typesIn(schema, root, 0)
  return types.size === 0 ? new Set(ALL) : types
}

/** True when the text between the marks is the value. */
export function isText(types: ReadonlySet<JsonType>): boolean {
  return types.size === 1 && types.has('string')
}

/** Follows references within the schema of the tool. */
export function resolved(schema: unknown, root: Schema | undefined): Schema | undefined {
  let known = schema
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    if (!isSchema(known)) return undefined
    const { $ref } = known
    if (typeof $ref !== 'string') return known
    known = $ref === '#' ? root : definition($ref, root)
  }
  return undefined
}

function definition($ref: string, root: Schema | undefined): unknown {
  let place: unknown = root
  for (const step of $ref.replace(/^#\//, '').split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (!isSchema(place) || !Object.hasOwn(place, name)) return undefined
    place = place[name]
  }
  return place
}

/** An empty set: nothing is said. */
function typesIn(given: unknown, root: Schema | undefined, depth: number): Set<JsonType> {
  const schema = resolved(given, root)
  if (schema === undefined || depth > DEPTH_MAX) return new Set()
  const ofType = listOf(schema['type']).flatMap((type) => typeNamed(type) ?? [])
  if (ofType.length > 0) {
    return new Set(schema['nullable'] === true ? [...ofType, 'null' as const] : ofType)
  }
  const values = 'const' in schema ? [schema['const']] : listOf(schema['enum'])
  if (values.length > 0) return new Set(values.map(typeOf))
  for (const keyword of ['anyOf', 'oneOf']) {
    const branches = listOf(schema[keyword]).map((one) => typesIn(one, root, depth + 1))
    // A branch that says nothing may be anything.
    if (branches.some(({ size }) => size === 0)) return new Set()
    if (branches.length > 0) return new Set(branches.flatMap((types) => [...types]))
  }
  const whole = listOf(schema['allOf']).map((one) => typesIn(one, root, depth + 1))
  return whole.find(({ size }) => size > 0) ?? impliedTypes(schema)
}

function impliedTypes(schema: Schema): Set<JsonType> {
  if ('properties' in schema || 'additionalProperties' in schema) return new Set(['object'])
  if ('items' in schema || 'prefixItems' in schema) return new Set(['array'])
  if ('pattern' in schema || 'minLength' in schema || 'format' in schema) return new Set(['string'])
  return new Set()
}

function typeNamed(name: unknown): JsonType | undefined {
  return name === 'integer' ? 'number' : ALL.find((type) => type === name)
}

export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  const type = typeof value
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object'
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[]
  return value === undefined ? [] : [value]
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
