/** A store in the Postgres that a connection string names. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Logger } from '#shared/process/log.ts'
import { isUpToDate, loadMigrations, migrate, type Migration } from './migrations.ts'
import { isAway, startError, storeError } from './postgres-errors.ts'
import { PostgresListener } from './postgres-listener.ts'
import { StoreMetrics } from './store-metrics.ts'
import type { Listener, Queryable, Store } from './store.ts'

const CONNECTIONS_MAX = 10
/** Time for a new connection, and for one of the pool to become free. */
const CONNECT_MS_MAX = 10_000
/** Time after which a connection is given up; no statement of ours takes nearly as long. */
const QUERY_MS_MAX = 15_000
/** Time for the database to come up, as when it starts together with HAIF. */
const START_MS_MAX = 30_000
const RETRY_MS = 500

interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database` */
  url: string
  log: Logger
  migrations?: readonly Migration[]
  connectionsMax?: number
  /** Time that `start` waits for the database. */
  startMsMax?: number
}

export class PostgresStore implements Store {
  readonly #options: PostgresStoreOptions
  readonly #pool: pg.Pool
  readonly #metrics: StoreMetrics
  readonly #listener: PostgresListener

  constructor(options: PostgresStoreOptions) {
    const { url, log, connectionsMax = CONNECTIONS_MAX } = options
    this.#options = options
    const config: pg.ClientConfig = {
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS_MAX,
      query_timeout: QUERY_MS_MAX,
      keepAlive: true,
      application_name: 'haif',
      types: TYPES
    }
    this.#pool = new pg.Pool({ ...config, max: connectionsMax })
    this.#metrics = new StoreMetrics(this.#pool)
    // An idle connection that breaks is replaced; whoever needs one next hears of it.
    this.#pool.on('error', (error) => log.debug({ err: error }, 'lost a connection to Postgres'))
    this.#listener = new PostgresListener({ createClient: () => new pg.Client(config), log })
  }

  /** The connection string with which others reach the same database. */
  get url(): string {
    return this.#options.url
  }

  /** Connects and brings the schema up to date. */
  async start(): Promise<void> {
    await this.#untilReachable()
    const { migrations = loadMigrations(), log, url } = this.#options
    const applied = await this.#migrated(migrations).catch((error: unknown) => {
      throw startError(url, error)
    })
    if (applied.length > 0) log.info({ applied }, 'brought the database up to date')
  }

  /** A database that is up to date is only read, so that it may be read-only now. */
  async #migrated(migrations: readonly Migration[]): Promise<string[]> {
    const pooled: Queryable = { query: (sql, values) => this.#rowsOf(this.#pool, sql, values) }
    if (await isUpToDate(pooled, migrations)) return []
    return this.#metrics.transaction(() => this.#transaction((tx) => migrate(tx, migrations)))
  }

  async stop(): Promise<void> {
    await this.#listener.stop()
    await this.#pool.end()
  }

  async query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    try {
      return await this.#rowsOf<Row>(this.#pool, sql, values)
    } catch (error) {
      throw storeError(error)
    }
  }

  async transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    try {
      return await this.#metrics.transaction(() => this.#transaction(work))
    } catch (error) {
      throw storeError(error)
    }
  }

  async #transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient | null = null
    let broken = true
    try {
      client = await this.#pool.connect()
      client.on('error', ignore)
      const session = client
      await session.query('begin')
      const result = await this.#attempt(session, work)
      await session.query('commit')
      broken = false
      return result
    } catch (error) {
      // After a rollback that was answered the connection can be used again.
      broken = client === null || !(await rolledBack(client))
      throw error
    } finally {
      client?.off('error', ignore)
      client?.release(broken)
    }
  }

  async #attempt<Result>(
    session: pg.PoolClient,
    work: (tx: Queryable) => Promise<Result>
  ): Promise<Result> {
    let isOver = false
    const tx: Queryable = {
      query: <Row extends object>(sql: string, values?: readonly unknown[]) => {
        // The connection may be somebody else's by now.
        if (isOver) throw new Error('a transaction was used after its end')
        return this.#rowsOf<Row>(session, sql, values)
      }
    }
    try {
      return await work(tx)
    } finally {
      isOver = true
    }
  }

  async #rowsOf<Row extends object>(
    session: pg.Pool | pg.PoolClient,
    sql: string,
    values?: readonly unknown[]
  ): Promise<Row[]> {
    // Without values it goes out as a simple query, which may have several statements.
    const given = values === undefined ? undefined : [...values]
    const { rows } = await this.#metrics.statement(sql, () => session.query<Row>(sql, given))
    return rows
  }

  async notify(channel: string, payload: string): Promise<void> {
    await this.query('select pg_notify($1, $2)', [channel, payload])
  }

  async listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    try {
      return await this.#listener.listen(channel, listener)
    } catch (error) {
      throw storeError(error)
    }
  }

  async #untilReachable(): Promise<void> {
    const { url, log, startMsMax = START_MS_MAX } = this.#options
    const deadline = performance.now() + startMsMax
    for (let tries = 1; ; tries++) {
      try {
        await this.#pool.query('select 1')
        return
      } catch (error) {
        if (!isAway(error) || performance.now() > deadline) throw startError(url, error)
        if (tries === 1) log.warn({ reason: reasonOf(error) }, 'waiting for Postgres')
        await sleep(RETRY_MS)
      }
    }
  }
}

/** A running statement rejects with the error; while none runs, the next one does. */
const ignore = (): void => {}

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('rollback')
    return true
  } catch {
    return false // the cause is on its way to the caller
  }
}

/** int8 and numeric, which the driver gives as text; what HAIF counts stays far below 2^53. */
const NUMBERS: ReadonlySet<number> = new Set([pg.types.builtins.INT8, pg.types.builtins.NUMERIC])

const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    NUMBERS.has(oid) ? Number : (pg.types.getTypeParser(oid, format) as (text: string) => unknown)
}

/** Refuses what is no connection string, before anything is tried with it. */
export function checkDatabaseUrl(url: string): string {
  if (URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return url
  throw new HaifError(
    'CONFIG_INVALID',
    'DATABASE_URL cannot be used: write postgres://user:password@host:5432/database, ' +
      'with / # ? @ : in user and password percent-encoded (@ is %40, # is %23)'
  )
}
