/** A JSON Schema as a table of fields, and as an example. */
import type { Schema } from './spec.ts'

export interface Field {
  /** `messages[].content`: fields of fields follow it. */
  name: string
  type: string
  isNeeded: boolean
  note: string
}

/** Deeper ones are left to /openapi.json. */
const DEPTH_MAX = 4
const VALUES_SHOWN = 12

export function fieldsOf(schema: Schema, before = '', depth = 0): Field[] {
  const { properties, required = [] } = merged(schema)
  if (properties === undefined || depth >= DEPTH_MAX) return []
  return Object.entries(properties).flatMap(([key, inner]) => {
    const name = before + key
    const field = {
      name,
      type: typeOf(inner),
      isNeeded: required.includes(key),
      note: noteOf(inner)
    }
    const [of, mark] = insideOf(inner)
    return [field, ...fieldsOf(of, `${name}${mark}.`, depth + 1)]
  })
}

/** What a list has, or the thing itself. */
function insideOf(schema: Schema): [Schema, string] {
  const whole = merged(schema)
  return whole.items === undefined ? [whole, ''] : [merged(whole.items), '[]']
}

/** All parts of an `allOf`, and of alternatives the first that is an object. */
function merged(schema: Schema): Schema {
  const parts = schema.allOf ?? []
  const one = (schema.anyOf ?? schema.oneOf ?? []).find(
    (each) => merged(each).properties !== undefined || merged(each).items !== undefined
  )
  if (one !== undefined) parts.push(merged(one))
  if (parts.length === 0) return schema
  return {
    ...schema,
    ...(one?.items === undefined ? {} : { items: one.items }),
    properties: Object.assign({}, schema.properties, ...parts.map((part) => part.properties)),
    required: [...(schema.required ?? []), ...parts.flatMap((part) => part.required ?? [])]
  }
}

/** `string`, `integer`, `list of string`, `"a" | "b"`. */
export function typeOf(schema: Schema): string {
  const { type, items, enum: values, anyOf, oneOf, properties } = schema
  if ('const' in schema) return JSON.stringify(schema.const)
  if (values !== undefined) return valuesText(values)
  const alternatives = anyOf ?? oneOf
  if (alternatives !== undefined) return [...new Set(alternatives.map(typeOf))].join(' | ')
  if (items !== undefined) return `list of ${typeOf(items)}`
  if (Array.isArray(type)) return type.join(' | ')
  return type ?? (properties === undefined ? 'anything' : 'object')
}

function valuesText(values: readonly unknown[]): string {
  const shown = values.slice(0, VALUES_SHOWN).map((value) => JSON.stringify(value))
  return [...shown, ...(values.length > VALUES_SHOWN ? ['…'] : [])].join(' | ')
}

function noteOf(schema: Schema): string {
  const { description, minimum, maximum, maxLength, format } = schema
  const bounds = [
    minimum === undefined ? undefined : `from ${minimum.toLocaleString('en')}`,
    maximum === undefined ? undefined : `to ${maximum.toLocaleString('en')}`,
    maxLength === undefined ? undefined : `at most ${maxLength.toLocaleString('en')} characters`,
    format,
    'default' in schema ? `default ${JSON.stringify(schema.default)}` : undefined
  ].filter(Boolean)
  return [description, bounds.join(', ')].filter(Boolean).join(' ')
}

/** Something that has what is needed, to begin with. */
export function sampleOf(schema: Schema, depth = 0): unknown {
  const { type, enum: values, anyOf, oneOf, items } = schema
  if ('const' in schema) return schema.const
  if ('default' in schema) return schema.default
  if (values !== undefined) return values[0]
  const [first] = anyOf ?? oneOf ?? []
  if (first !== undefined) return sampleOf(first, depth)
  if (items !== undefined || type === 'array')
    return items === undefined ? [] : [sampleOf(items, depth + 1)]
  const kind = Array.isArray(type) ? type[0] : type
  if (kind === 'string') return '…'
  if (kind === 'integer' || kind === 'number') return Math.max(1, schema.minimum ?? 1)
  if (kind === 'boolean') return true
  const { properties = {}, required = [] } = merged(schema)
  if (depth >= DEPTH_MAX) return {}
  const [some] = depth === 0 ? Object.keys(properties) : []
  const keys = required.length > 0 || some === undefined ? required : [some]
  return Object.fromEntries(
    keys.flatMap((key) => {
      const inner = properties[key]
      return inner === undefined ? [] : [[key, sampleOf(inner, depth + 1)]]
    })
  )
}
