/** How an error of a request crosses from the child to the worker: translated once, on each side. */
import { HaifError } from '#shared/errors.ts'
import { oneLine } from '../../one-line.ts'
import type { Failure } from '../messages.ts'

/** What is not ours came out of the library: another try on a fresh process may succeed. */
export function toFailure(error: unknown): Failure {
  if (!(error instanceof HaifError)) {
    return { code: 'ENGINE_FAILED', message: `the model broke off: ${oneLine(error)}` }
  }
  const { code, message, details } = error
  return details === undefined ? { code, message } : { code, message, details }
}

export function fromFailure({ code, message, details }: Failure): HaifError {
  return new HaifError(code, message, details === undefined ? {} : { details })
}
