/**
 * Trouble with Postgres, the embedded one included, by SQLSTATE: the code itself first, then its
 * class. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
import { networkTrouble } from './network.ts'
import { codeOf, innermost, wordsOf, type Trouble } from './trouble.ts'

const AWAY: Trouble = { kind: 'away', what: 'is away', remedy: 'start it, or wait until it is up' }
const BUSY: Trouble = {
  kind: 'away',
  what: 'is busy',
  remedy: 'nothing has to be done: it is tried again'
}
const FOREIGN_SCHEMA: Trouble = {
  kind: 'refuses us',
  what: 'does not have the tables of this HAIF',
  remedy: 'run "haif db migrate", and the same version of HAIF everywhere'
}
const DAMAGED: Trouble = {
  kind: 'refuses writes',
  what: 'is damaged, or its disk is',
  remedy: 'copy what can still be read, then check the disk and restore a backup'
}
const BAD: Trouble = {
  kind: 'bad input',
  what: 'refuses a value',
  remedy: 'correct what was sent'
}
const WRONG_CREDENTIALS: Trouble = {
  kind: 'refuses us',
  what: 'does not let this user in',
  remedy: 'correct user and password in DATABASE_URL'
}

const BY_SQLSTATE: Record<string, Trouble> = {
  '3D000': {
    kind: 'refuses us',
    what: 'does not have this database',
    remedy: 'create it, or correct DATABASE_URL'
  },
  '25006': {
    kind: 'refuses writes',
    what: 'is read-only',
    remedy:
      'make it writable again: a managed Postgres turns read-only when its disk is nearly full, ' +
      'and a standby always is'
  },
  '25P03': BUSY, // a session that idled in a transaction
  '25P04': BUSY, // a transaction that took too long
  '42501': {
    kind: 'refuses us',
    what: 'does not give this user the rights that HAIF needs',
    remedy: 'grant its user all rights on the tables and CREATE on the schema, or give it a schema'
  },
  '53100': {
    kind: 'refuses writes',
    what: 'has no more room on its disk',
    remedy: 'make room there'
  },
  '53200': { kind: 'away', what: 'has no more memory', remedy: 'give it more memory' },
  '53300': {
    kind: 'away',
    what: 'has no connection free',
    remedy: 'raise its max_connections, or run fewer services'
  },
  '55000': AWAY, // not accepting connections at the moment
  '55006': BUSY,
  '55P03': BUSY, // a lock that was not free in time
  '57014': BUSY, // its own limit for the time of a statement
  '57P04': AWAY, // the database was dropped, as before a restore
  '58030': {
    kind: 'refuses writes',
    what: 'cannot read or write its disk',
    remedy: 'check the disk and the log of Postgres'
  },
  '21': BAD, // a batch that has a row twice: one by one they fit
  '22': BAD,
  '23': BAD,
  '44': BAD,
  '54': BAD, // a value too large for an index
  '08': AWAY,
  '28': WRONG_CREDENTIALS,
  '3F': FOREIGN_SCHEMA,
  '40': BUSY, // a deadlock, or two transactions that cannot both be
  '42': FOREIGN_SCHEMA,
  '53': { kind: 'away', what: 'has no resources left', remedy: 'see the log of Postgres' },
  '57': AWAY, // it is shut down, or starts
  '58': DAMAGED,
  '72': BUSY,
  XX: DAMAGED
}

/** Errors that the driver makes itself have no code. */
const BY_MESSAGE: [RegExp, Trouble][] = [
  [/does not support SSL/i, { ...WRONG_CREDENTIALS, ...noTls() }],
  [/client password must be a string|SASL/i, WRONG_CREDENTIALS],
  [/query read timeout|timeout exceeded when trying to connect/i, BUSY],
  [/connection terminated|connection error|connection timeout|not queryable/i, AWAY],
  [/timeout expired|disconnected before secure TLS/i, AWAY]
]

function noTls(): Pick<Trouble, 'what' | 'remedy'> {
  return {
    what: 'does not speak TLS',
    remedy: 'leave sslmode out of DATABASE_URL, or turn TLS on there'
  }
}

const SQLSTATE = /^[0-9A-Z]{5}$/
/** Every SQLSTATE that the tables do not have: something in Postgres is not as HAIF expects it. */
const OTHER: Trouble = {
  kind: 'refuses us',
  what: 'refuses a statement',
  remedy: 'see its log, and run the same version of HAIF everywhere'
}

/** Null when the error is not the database's: then it is a bug of ours. */
export function postgresTrouble(thrown: unknown): Trouble | null {
  const error = innermost(thrown)
  if (!(error instanceof Error)) return null
  const code = codeOf(error)
  const known = BY_SQLSTATE[code] ?? networkTrouble(error)
  if (known !== null) return known
  if (SQLSTATE.test(code) && !code.startsWith('E')) return BY_SQLSTATE[code.slice(0, 2)] ?? OTHER
  const said = wordsOf(error)
  return code === '' ? (BY_MESSAGE.find(([words]) => words.test(said))?.[1] ?? null) : null
}
