/** Chooses where state is kept, by the environment. */
import { hash } from 'node:crypto'
import { type Environment, readSecret } from '#shared/process/config.ts'
import type { Logger } from '#shared/process/log.ts'
import { MemoryState } from './memory-state.ts'
import { checkDatabaseUrl, PostgresStore } from './postgres-store.ts'
import { checkRedisUrl, RedisState } from './redis-state.ts'
import type { SharedState } from './shared-state.ts'
import type { Store } from './store.ts'

/** The password of older deployments, which everybody knows. */
const DEFAULT_PASSWORD = 'haifpass'

/** `DATABASE_URL`: Postgres; null without it. */
export function postgresFromEnvironment(env: Environment, log: Logger): PostgresStore | null {
  const text = readSecret(env, 'DATABASE_URL') ?? ''
  if (text === '') return null
  const url = checkDatabaseUrl(text)
  if (new URL(url).password === DEFAULT_PASSWORD) {
    log.warn('the password of Postgres is the default: set POSTGRES_PASSWORD to one of your own')
  }
  return new PostgresStore({ url, log })
}

/**
 * The store of a service that runs alone. Null: its state is in memory and ends with the process.
 */
export function storeFromEnvironment(env: Environment, log: Logger): Store | null {
  const store = postgresFromEnvironment(env, log)
  if (store === null) log.info('no DATABASE_URL: nothing is kept beyond the end of this process')
  return store
}

interface SharedStateOptions {
  /** The name of the mesh: state is shared within one mesh only. */
  mesh: Buffer
  store: Store | null
  log: Logger
  /** The number of processes that share each limit where there is no Redis. */
  replicas?: () => number
}

/** `REDIS_URL`: Redis. Without it each process keeps its share of a limit. */
export function sharedStateFromEnvironment(
  env: Environment,
  { mesh, store, log, replicas }: SharedStateOptions
): SharedState {
  const url = readSecret(env, 'REDIS_URL') ?? ''
  if (url === '') return new MemoryState({ store, ...(replicas === undefined ? {} : { replicas }) })
  return new RedisState({ url: checkRedisUrl(url), namespace: namespaceOf(mesh), log, store })
}

/**
 * `REDIS_URL`: Redis, for hints between orchestrators; null without it. Its names are apart from
 * those of the gateways: counted among these, an orchestrator would make the share of each smaller.
 * And it has no store: hints are not worth going through the database while Redis is away.
 */
export function hintStateFromEnvironment(
  env: Environment,
  { mesh, log }: Pick<SharedStateOptions, 'mesh' | 'log'>
): SharedState | null {
  const url = readSecret(env, 'REDIS_URL') ?? ''
  if (url === '') return null
  const namespace = `${namespaceOf(mesh)}:orchestrators`
  return new RedisState({ url: checkRedisUrl(url), namespace, log })
}

const namespaceOf = (mesh: Buffer): string => hash('sha256', mesh).slice(0, 16)
