/**
 * HTTP bodies are in snake_case, messages of the mesh in camelCase. Where nothing else differs, one
 * is made from the other, schema and values alike, so that a contract is written once.
 */
import { Type, type TObject, type TSchema } from 'typebox'

type Fields = Record<string, unknown>
interface SchemaNode {
  type?: string
  properties?: Record<string, SchemaNode>
  items?: SchemaNode
  required?: string[]
}

export const snake = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The schema of the HTTP body. It refuses unknown fields: a misspelt limit would limit nothing. */
export function snakeSchema(schema: TObject): TObject {
  return convertSchema(schema) as unknown as TObject
}

function convertSchema(schema: SchemaNode): SchemaNode {
  if (schema.items !== undefined) {
    const { items, ...options } = schema
    return Type.Array(convertSchema(items), options)
  }
  if (schema.properties === undefined) return schema
  const entries = Object.entries(schema.properties)
  const properties = Object.fromEntries(
    entries.map(([name, inner]) => [
      snake(name),
      isOptional(inner)
        ? (Type.Optional(convertSchema(inner) as unknown as TSchema) as unknown as SchemaNode)
        : convertSchema(inner)
    ])
  )
  return Type.Object(properties, {
    additionalProperties: false
  })
}

/** TypeBox marks an optional field with a hidden field of the schema. */
const isOptional = (schema: SchemaNode): boolean => '~optional' in schema

/** Turns a message into an HTTP body. Records, whose names no schema lists, keep their names. */
export function toSnake(schema: TObject, value: unknown): unknown {
  return convert(schema, value, (name) => [name, snake(name)])
}

export function fromSnake(schema: TObject, value: unknown): unknown {
  return convert(schema, value, (name) => [snake(name), name])
}

function convert(
  schema: SchemaNode,
  value: unknown,
  names: (name: string) => [from: string, to: string]
): unknown {
  if (Array.isArray(value)) {
    const { items } = schema
    return items === undefined ? value : value.map((each) => convert(items, each, names))
  }
  if (schema.properties === undefined || typeof value !== 'object' || value === null) return value
  const result: Fields = {}
  for (const [name, inner] of Object.entries(schema.properties)) {
    const [from, to] = names(name)
    const field = (value as Fields)[from]
    if (field !== undefined) result[to] = convert(inner, field, names)
  }
  return result
}
