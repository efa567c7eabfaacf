/**
 * Tables of the fields that bodies of other vendors have, with what becomes of each. The pages
 * about them are generated from the tables (`npm run docs`), and tests send each field.
 */
import { isDeepStrictEqual } from 'node:util'
import { isFields, type Fields } from '../chat/past/calls.ts'
import { unsupported } from './refusal.ts'

export interface Field {
  name: string
  /** `hint`: accepted, and the answer is the same without it. */
  how: 'taken' | 'mapped' | 'hint' | 'refused'
  /** What it is mapped to, why it changes nothing, or what to use instead. */
  note?: string
  /**
   * Values of a refused field that ask for nothing, such as another server's default; an empty
   * text, list or object asks for nothing either.
   */
  idle?: readonly unknown[]
}

/** A field that bodies of one endpoint only have; without `of` all have it. */
export interface FieldOf<Endpoint extends string> extends Field {
  of?: Endpoint
}

export const taken = <Endpoint extends string>(names: string, of?: Endpoint): FieldOf<Endpoint>[] =>
  names.split(' ').map((name) => ({ name, how: 'taken', ...(of === undefined ? {} : { of }) }))

export const hints = (note: string, names: string): Field[] =>
  names.split(' ').map((name) => ({ name, how: 'hint', note }))

/** Returns the rest of the body with what the field means. */
export type Mapping = (value: unknown, rest: Fields) => Fields

interface FieldTable {
  fields: readonly Field[]
  /** The place of the object in the body, for errors; absent: it is the body. */
  at?: string
  mappings?: Readonly<Record<string, Mapping>>
}

/**
 * Returns a function that leaves only what the contract has and what means something: it refuses,
 * maps or drops each other field of the table. Fields without a mapping stay as they are.
 */
export function fieldsApplier({ fields, at, mappings = {} }: FieldTable): (body: Fields) => Fields {
  const table = new Map(fields.map((field) => [field.name, field]))
  return (body) => {
    let mapped = body
    for (const name of Object.keys(body)) {
      const field = table.get(name)
      if (field?.how === 'refused') refuse(field, body[name], at)
      if (field === undefined || field.how === 'taken') continue
      const mapping = mappings[name]
      if (field.how === 'mapped' && mapping === undefined) continue
      const { [name]: value, ...rest } = mapped
      mapped = mapping === undefined ? rest : mapping(value, rest)
    }
    return mapped
  }
}

function refuse(field: Field, value: unknown, at: string | undefined): void {
  const { name, note = '', idle = [] } = field
  if (isEmpty(value) || idle.some((one) => isDeepStrictEqual(one, value))) return
  const path = at === undefined ? name : `${at}.${name}`
  throw unsupported(path, `${path} is not supported: ${note}`)
}

/** `false` is not empty: some fields are on unless they are set to it. */
function isEmpty(value: unknown): boolean {
  if (value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isFields(value) && Object.keys(value).length === 0
}
