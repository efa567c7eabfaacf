/** Does with each field of a body what the table says: refuses it, maps it, or lets it be. */
import { isDeepStrictEqual } from 'node:util'
import { unsupported } from '../../http/refusal.ts'
import { isFields, type Fields } from '../../chat/past/calls.ts'
import { FIELDS, type Endpoint, type Field } from './field-table.ts'
import { MAPPINGS } from './mapped-fields.ts'

const tables: Readonly<Record<Endpoint, ReadonlyMap<string, Field>>> = {
  chat: tableOf('chat'),
  completion: tableOf('completion')
}

function tableOf(endpoint: Endpoint): Map<string, Field> {
  const fields = Object.values(FIELDS).flat()
  return new Map(
    fields.filter(({ of = endpoint }) => of === endpoint).map((field) => [field.name, field])
  )
}

/** Returns the body with those fields only that the contract has and that mean something. */
export function applyFields(body: Fields, endpoint: Endpoint): Fields {
  let mapped = body
  for (const name of Object.keys(body)) {
    const field = tables[endpoint].get(name)
    if (field?.how === 'refused') refuse(field, body[name])
    if (field === undefined || field.how === 'taken') continue
    const { [name]: value, ...rest } = mapped
    mapped = field.how === 'mapped' ? MAPPINGS[name]!(value, rest) : rest
  }
  return mapped
}

function refuse({ name, note = '', idle = [] }: Field, value: unknown): void {
  if (isEmpty(value) || idle.some((one) => isDeepStrictEqual(one, value))) return
  throw unsupported(name, `${name} is not supported: ${note}`)
}

/** `false` is not empty: some fields are on unless they are set to it. */
function isEmpty(value: unknown): boolean {
  if (value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isFields(value) && Object.keys(value).length === 0
}
