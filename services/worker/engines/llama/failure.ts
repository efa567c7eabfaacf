/** How an error of a request crosses from the child to the worker: translated once, on each side. */
import { HaifError } from '#shared/errors.ts'
import type { Failure } from './messages.ts'

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

/** An error in one line, for a message or a log. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replaceAll(/\s+/g, ' ').trim().slice(0, ONE_LINE_CHARACTERS)
}

const ONE_LINE_CHARACTERS = 300
