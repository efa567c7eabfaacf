/** One check for everything that comes from outside: the value, typed, or a sentence about it. */
import type { TSchema } from 'typebox'
import type { Validator } from 'typebox/compile'
import { HaifError, type ErrorCode } from '#shared/errors.ts'

type Checked<Schema extends TSchema> =
  Validator<{}, Schema> extends Validator<{}, Schema, infer Encode> ? Encode : never

export function check<Schema extends TSchema>(
  validator: Validator<{}, Schema>,
  value: unknown,
  what: string,
  code: ErrorCode = 'VALIDATION_FAILED'
): Checked<Schema> {
  if (validator.Check(value)) return value
  const [first] = validator.Errors(value)
  const where = first?.instancePath.slice(1).replaceAll('/', '.') ?? ''
  const problem = first?.message ?? 'is malformed'
  throw new HaifError(code, `${what}: ${where === '' ? problem : `${where} ${problem}`}`, {
    details: { param: where }
  })
}
