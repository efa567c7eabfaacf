/** Reads a query, which is text, by its schema: numbers become numbers, and dates milliseconds. */
import type { TObject } from 'typebox'
import type { Validator } from 'typebox/compile'
import { HaifError } from '#shared/errors.ts'
import { fromSnake, snake } from './snake-case.ts'
import { checkBody } from '../http/validation.ts'

/** Fields in `times` may also be a date as in ISO 8601. Unknown fields are refused. */
export function readQuery<Query extends TObject>(
  validator: Validator<{}, Query>,
  query: unknown,
  times: readonly string[] = []
): unknown {
  const schema = validator.Type()
  const given = { ...(query as Record<string, unknown>) }
  const known = Object.entries(schema.properties as Record<string, { type?: string }>)
  for (const [name, { type }] of known) {
    const field = snake(name)
    const value = given[field]
    if (typeof value !== 'string') continue
    if (times.includes(name)) given[field] = readTime(field, value)
    else if (type === 'integer') given[field] = value === '' ? value : Number(value)
  }
  const unknown = Object.keys(given).find((field) => !known.some(([name]) => snake(name) === field))
  if (unknown !== undefined) {
    throw new HaifError('VALIDATION_FAILED', `there is no parameter ${unknown.slice(0, 64)} here`, {
      details: { param: unknown.slice(0, 64) }
    })
  }
  return checkBody(validator, fromSnake(schema, given))
}

function readTime(field: string, text: string): number {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw new HaifError(
    'VALIDATION_FAILED',
    `${field} must be a date such as 2026-11-21, or milliseconds since 1970`,
    { details: { param: field } }
  )
}
