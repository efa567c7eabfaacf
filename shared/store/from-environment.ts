/** The store of a service that runs alone. */
import { readString, type Environment } from '#shared/config.ts'
import type { Logger } from '#shared/log.ts'
import { checkDatabaseUrl, PostgresStore } from './postgres-store.ts'
import type { Store } from './store.ts'

/**
 * `DATABASE_URL`: Postgres. Null without it: then the service keeps what it knows in memory, and
 * forgets it when it ends.
 */
export function storeFromEnvironment(env: Environment, log: Logger): Store | null {
  const url = readString(env, 'DATABASE_URL', '')
  if (url !== '') return new PostgresStore({ url: checkDatabaseUrl(url), log })
  log.info('no DATABASE_URL: nothing is kept beyond the end of this process')
  return null
}
