/** Errors about one field of a body. */
import { HaifError } from '#shared/errors.ts'

/** HAIF cannot do it, whatever its value. */
export const unsupported = (param: string, message: string): HaifError =>
  new HaifError('UNSUPPORTED_PARAMETER', message, { details: { param } })

/** The value is wrong. */
export const invalid = (param: string, message: string): HaifError =>
  new HaifError('VALIDATION_FAILED', message, { details: { param } })
