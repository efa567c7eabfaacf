/** What an engine or its model cannot do: refused by the name of the parameter. */
import { HaifError } from '#shared/errors.ts'

export function unsupported(param: string, message: string): HaifError {
  return new HaifError('UNSUPPORTED_PARAMETER', message, { details: { param } })
}
