/** One check for everything that comes from outside: the value, typed, or a sentence about it. */
import type { Static, TSchema } from 'typebox'
import type { Validator } from '#shared/validator.ts'
import { HaifError, type ErrorCode } from '#shared/errors.ts'

export function check<Schema extends TSchema>(
  validator: Validator<Schema>,
  value: unknown,
  what: string,
  code: ErrorCode = 'VALIDATION_FAILED'
): Static<Schema> {
  if (validator.Check(value)) return value
  const [first] = validator.Errors(value)
  const where = first?.instancePath.slice(1).replaceAll('/', '.') ?? ''
  const problem = first?.message ?? 'is malformed'
  throw new HaifError(code, `${what}: ${where === '' ? problem : `${where} ${problem}`}`, {
    details: { param: where }
  })
}
