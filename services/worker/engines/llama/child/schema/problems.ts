/** The two ways in which a schema is refused, with the place in it. */
import { HaifError } from '#shared/errors.ts'

/** A schema that says something which no grammar keeps. */
export function unkept(at: string, keyword: string, what?: string): HaifError {
  return new HaifError(
    'UNSUPPORTED_PARAMETER',
    `the schema has "${keyword}" at ${at}, which the llama engine cannot keep` +
      (what === undefined ? '' : `: ${what}`),
    { details: { param: 'responseFormat', keyword } }
  )
}

/** A schema that is none, or that no value fits. */
export function invalid(at: string, why: string): HaifError {
  return new HaifError('VALIDATION_FAILED', `the schema of the answer, at ${at}: ${why}`, {
    details: { param: 'responseFormat' }
  })
}
