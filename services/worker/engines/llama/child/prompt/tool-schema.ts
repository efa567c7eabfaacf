/**
 * A tool's schema with what some templates insist on: a type and a description for every property.
 * `Optional[str]` of Python's tools has neither: it is an `anyOf` with null.
 */
import type { Tool } from '#shared/contracts/inference/chat.ts'

export function described(tool: Tool): Tool {
  const { parameters = { type: 'object', properties: {} }, description = '' } = tool
  return { ...tool, description, parameters: completed(parameters, DEPTH_MAX) as typeof parameters }
}

const DEPTH_MAX = 64

type Schema = Record<string, unknown>

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function completed(value: unknown, depth: number): unknown {
  if (value === true) return { type: 'object', description: '' }
  if (!isSchema(value) || depth === 0) return value
  const schema: Schema = { ...value, type: typeOf(value), description: value['description'] ?? '' }
  const { properties, items } = value
  if (isSchema(properties)) {
    schema['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, each]) => [name, completed(each, depth - 1)])
    )
  }
  if (isSchema(items)) schema['items'] = completed(items, depth - 1)
  return schema
}

function typeOf(schema: Schema): string {
  const { type, enum: values, anyOf, oneOf } = schema
  if (typeof type === 'string') return type
  const types = (Array.isArray(type) ? type : []).filter((each) => each !== 'null')
  if (typeof types[0] === 'string') return types[0]
  for (const alternatives of [anyOf, oneOf]) {
    const first = (Array.isArray(alternatives) ? alternatives : []).find(
      (each) => isSchema(each) && each['type'] !== 'null'
    )
    if (isSchema(first)) return typeOf(first)
  }
  if (Array.isArray(values)) return typeof values[0] === 'number' ? 'number' : 'string'
  return isSchema(schema['properties']) ? 'object' : 'string'
}
