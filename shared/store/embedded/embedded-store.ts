/**
 * A store in the embedded database. It starts at once, and opens in the background: only those who
 * need it wait, the first time for seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '#shared/process/log.ts'
import type { Migration } from '../migrations.ts'
import { PostgresStore } from '../postgres-store.ts'
import type { Listener, Queryable, Store } from '../store.ts'
import { EmbeddedDatabase, type DatabaseMark } from './embedded-database.ts'

/** More would only wait for each other. */
const CONNECTIONS_MAX = 4
/** Time for statements that still run when the store stops. */
const CLOSE_MS_MAX = 1000
/** Time for the first start on a slow and busy machine. */
const OPEN_MS_MAX = 120_000

interface EmbeddedStoreOptions {
  /** The folder of the database in HAIF_HOME; see `Home.state`. */
  folder: string
  log: Logger
  /** It cannot be opened, its schema does not fit, or it has ended by itself. */
  onFailure: (error: unknown) => void
  migrations?: readonly Migration[]
  /** Says, outside the folder, that there has been a database. */
  mark?: DatabaseMark | null
}

export class EmbeddedStore implements Store {
  readonly #options: EmbeddedStoreOptions
  readonly #database: EmbeddedDatabase
  #store: PostgresStore | null = null
  #opened: Promise<PostgresStore> = Promise.reject(new Error('the store was not started'))
  #stopping = false

  constructor(options: EmbeddedStoreOptions) {
    this.#options = options
    this.#opened.catch(() => {}) // those who use it get the error
    const { folder, onFailure, mark = null } = options
    this.#database = new EmbeddedDatabase({ folder, onFailure, mark })
  }

  /**
   * The connection string for other processes of this machine; valid once the store has started.
   */
  get url(): string {
    return this.#database.url
  }

  async start(): Promise<void> {
    const { log, onFailure, migrations } = this.#options
    await this.#database.start()
    const store = new PostgresStore({
      url: this.url,
      log,
      connectionsMax: CONNECTIONS_MAX,
      startMsMax: OPEN_MS_MAX,
      ...(migrations === undefined ? {} : { migrations })
    })
    this.#store = store
    this.#opened = store.start().then(() => store)
    this.#opened.catch((error: unknown) => {
      if (!this.#stopping) onFailure(error)
    })
  }

  /** Resolves when it can be used, with its schema up to date. */
  async opened(): Promise<void> {
    await this.#opened
  }

  async stop(): Promise<void> {
    this.#stopping = true
    // A statement that waits for the database to open ends with it.
    const closed = this.#store?.stop()
    await Promise.race([closed, sleep(CLOSE_MS_MAX, undefined, { ref: false })])
    await this.#database.stop()
    await closed
  }

  async query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    return (await this.#opened).query<Row>(sql, values)
  }

  async transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    return (await this.#opened).transaction(work)
  }

  async notify(channel: string, payload: string): Promise<void> {
    return (await this.#opened).notify(channel, payload)
  }

  async listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    return (await this.#opened).listen(channel, listener)
  }
}
