/** Reads a query, which is text, by its schema: numbers become numbers, and dates milliseconds. */
import type { Static, TObject } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import { fromSnake, snake, snakeSchema } from './snake-case.ts'
import { checkBody } from '../http/validation.ts'

/**
 * Returns the reader of one endpoint's queries. Fields in `times` may also be a date as in ISO
 * 8601. Unknown fields are refused. The query is checked under its own names, because the refusal
 * shows them to the caller.
 */
export function queryReader<Query extends TObject>(schema: Query, times: readonly string[] = []) {
  const validator = Compile(snakeSchema(schema))
  const types = Object.entries(schema.properties as Record<string, { type?: string }>)
  const fields = new Map(types.map(([name, { type }]) => [snake(name), type]))
  return (query: unknown): Static<Query> => {
    const given = { ...(query as Record<string, unknown>) }
    for (const [field, value] of Object.entries(given)) {
      if (!fields.has(field)) throw unknownParameter(field.slice(0, 64))
      if (typeof value !== 'string') continue
      if (times.includes(field)) given[field] = readTime(field, value)
      else if (fields.get(field) === 'integer') given[field] = value === '' ? value : Number(value)
    }
    return fromSnake(schema, checkBody(validator, given)) as Static<Query>
  }
}

const unknownParameter = (param: string): HaifError =>
  new HaifError('VALIDATION_FAILED', `there is no parameter ${param} here`, { details: { param } })

function readTime(field: string, text: string): number {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw new HaifError(
    'VALIDATION_FAILED',
    `${field} must be a date such as 2026-11-21, or milliseconds since 1970`,
    { details: { param: field } }
  )
}
