/**
 * The attempts of a request that failed, on their way from its orchestrator to the books: they
 * travel in the details of its error, and a gateway takes them out before anybody else reads it.
 */
import { Type } from 'typebox'
import { ATTEMPTS_TOLD_MAX, AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import { Compile } from '#shared/validator.ts'
import { HaifError, type ErrorOptions } from '#shared/errors.ts'

const told = Compile(Type.Array(AttemptTold, { maxItems: ATTEMPTS_TOLD_MAX }))
const FIELD = 'tries'

/** An error that nobody foresaw stays as it is: its place is the log. */
export function withAttempts(error: unknown, tries: readonly AttemptTold[]): unknown {
  return tries.length === 0 || !(error instanceof HaifError)
    ? error
    : changed(error, { ...error.details, [FIELD]: tries })
}

/** The attempts, and the error as its caller may see it. */
export function takeAttempts(error: unknown): { error: unknown; tries: AttemptTold[] } {
  if (!(error instanceof HaifError)) return { error, tries: [] }
  const { [FIELD]: tries, ...details } = error.details ?? {}
  if (tries === undefined) return { error, tries: [] }
  const own = changed(error, Object.keys(details).length === 0 ? undefined : details)
  return { error: own, tries: told.Check(tries) ? tries : [] }
}

function changed(error: HaifError, details: Record<string, unknown> | undefined): HaifError {
  const options: ErrorOptions = { cause: error.cause }
  if (details !== undefined) options.details = details
  if (error.retryAfterMs !== undefined) options.retryAfterMs = error.retryAfterMs
  const copy = new HaifError(error.code, error.message, options)
  if (error.stack !== undefined) copy.stack = error.stack
  return copy
}
