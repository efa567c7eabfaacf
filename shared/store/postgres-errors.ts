/** Translates the driver's errors into ours. */
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'

/** Codes of sockets, and of https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT', // of a Unix socket
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  '53300', // too many connections
  '57P01', // it is shut down
  '57P02',
  '57P03' // it starts
])
/** The driver's own errors have no code. */
const CONNECTION_MESSAGES = [
  'connection terminated',
  'timeout exceeded when trying to connect',
  'query read timeout',
  'connection error',
  'connection timeout',
  'not queryable',
  'timeout expired'
]

const WRONG_CREDENTIALS = new Set(['28P01', '28000'])
const NO_SUCH_DATABASE = '3D000'

/** The statement may be sent again when the database is there; it may also have been done. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(isConnectionError)
  const { code } = error as { code?: unknown }
  if (typeof code !== 'string') return namesConnection(error.message)
  return CONNECTION_CODES.has(code) || code.startsWith('08')
}

function namesConnection(message: string): boolean {
  const said = message.toLowerCase()
  return CONNECTION_MESSAGES.some((known) => said.includes(known))
}

export function storeUnavailable(cause: unknown): HaifError {
  return new HaifError('STORE_UNAVAILABLE', 'the database cannot be reached', {
    cause,
    retryAfterMs: 1000
  })
}

/** The error of a service that cannot start with this database, without the password of its URL. */
export function startError(url: string, error: unknown): unknown {
  const { code } = error as { code?: unknown }
  const { host, pathname, username } = new URL(url)
  if (isConnectionError(error)) {
    const why = error instanceof AggregateError ? error.errors[0] : error
    return new HaifError(
      'STORE_UNAVAILABLE',
      `Postgres cannot be reached at ${host} (${reasonOf(why)}): start it, or correct DATABASE_URL`,
      { cause: error }
    )
  }
  if (typeof code !== 'string') return error
  if (WRONG_CREDENTIALS.has(code)) {
    return new HaifError(
      'CONFIG_INVALID',
      `Postgres at ${host} does not let ${username} in: correct user and password in DATABASE_URL`,
      { cause: error }
    )
  }
  if (code !== NO_SUCH_DATABASE) return error
  return new HaifError(
    'CONFIG_INVALID',
    `Postgres at ${host} has no database ${pathname.slice(1)}: create it, or correct DATABASE_URL`,
    { cause: error }
  )
}
