/**
 * What must survive is kept in Postgres: one that is given by `DATABASE_URL`, or the embedded one
 * of this machine. Both speak the same SQL through this one interface.
 */
import type { Service } from '#shared/process/lifecycle.ts'

export interface Queryable {
  /**
   * Rows as `Row`: int8 and numeric come as numbers, timestamps as Dates, jsonb as values. Rejects
   * with STORE_UNAVAILABLE while the database is away, refuses us or takes no writes; what is wrong
   * with the values stays as the driver made it, with its SQLSTATE in `code`.
   */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

/** A listener misses the notices that were sent while its connection was away. */
export interface Listener {
  onNotice: (payload: string) => void
  /** The connection is there again: notices may have been missed. */
  onReconnect?: () => void
}

export interface Store extends Queryable, Service {
  /**
   * Commits what `work` did with `tx`, or nothing when it throws. Inside it only `tx` may be used:
   * the embedded database has one session, which the transaction holds.
   */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>
  /** Sends to every listener of the channel, in any process; `payload` has at most 7,999 bytes. */
  notify(channel: string, payload: string): Promise<void>
  /**
   * Listens until the returned function is called. `channel`: lower case letters and underscores.
   */
  listen(channel: string, listener: Listener): Promise<() => Promise<void>>
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const SqlState = {
  uniqueViolation: '23505',
  foreignKeyViolation: '23503'
} as const

/** True when the database refused the statement for this reason. */
export const hasSqlState = (error: unknown, state: string): boolean =>
  error instanceof Error && (error as { code?: unknown }).code === state
