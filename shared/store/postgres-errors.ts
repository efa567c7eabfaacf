/** Translates the driver's errors into ours; `shared/trouble/postgres.ts` has the table. */
import { HaifError } from '#shared/errors.ts'
import { postgresTrouble } from '#shared/trouble/postgres.ts'
import { codeOf, sentenceOf } from '#shared/trouble/trouble.ts'

const RETRY_AFTER_MS = 1000

/**
 * The error of a statement. Bad input stays as the driver made it, with its SQLSTATE in `code`, and
 * so does a bug of ours. Everything else is STORE_UNAVAILABLE, with the kind of trouble in its
 * details: the same statement works once the database takes it again.
 */
export function storeError(error: unknown): unknown {
  const trouble = error instanceof HaifError ? null : postgresTrouble(error)
  if (trouble === null || trouble.kind === 'bad input') return error
  const { kind, what, remedy } = trouble
  // Callers see the message: addresses and users stay in the cause, which is for the log.
  const isSafe = /^[0-9A-Z]{5}$/.test(codeOf(error)) && !/^(28|E)/.test(codeOf(error))
  const message = isSafe
    ? sentenceOf('the database', trouble, error)
    : `the database ${what}: ${remedy}`
  return new HaifError('STORE_UNAVAILABLE', message, {
    cause: error,
    retryAfterMs: RETRY_AFTER_MS,
    details: { trouble: kind }
  })
}

/** A row is the cause, and no repetition helps: the others must not wait for it. */
export const isBadInput = (error: unknown): boolean =>
  !(error instanceof HaifError) && postgresTrouble(error)?.kind === 'bad input'

/** True while a service that starts may wait for the database to come up. */
export const isAway = (error: unknown): boolean => postgresTrouble(error)?.kind === 'away'

/** The error of a service that cannot start with this database, without the password of its URL. */
export function startError(url: string, error: unknown): unknown {
  const trouble = error instanceof HaifError ? null : postgresTrouble(error)
  if (trouble === null || trouble.kind === 'bad input') return error
  const { host, pathname, username } = new URL(url)
  const thing = `Postgres at ${host} (user ${username}, database ${pathname.slice(1)})`
  const code = trouble.kind === 'refuses us' ? 'CONFIG_INVALID' : 'STORE_UNAVAILABLE'
  return new HaifError(code, sentenceOf(thing, trouble, error), { cause: error })
}
