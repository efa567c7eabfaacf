/**
 * Usage on its way to the database, on the disk of this machine. What is here has survived the
 * process: SQLite in WAL mode without a sync for each row loses nothing when a process is killed
 * (when the power fails, perhaps the last moments). The syncs are made in a thread of their own, so
 * a row costs no more than a write into memory of the system, also on a slow disk.
 *
 * Gateways of one machine may share a file; a row that two of them bring to the database is there
 * once, because it has an id.
 *
 * A disk that is full, read-only or gone makes every method throw until it works again; whoever
 * uses a spool keeps what it could not take.
 */
import { mkdirSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Checkpoints } from './checkpoints.ts'

/**
 * Another gateway of this machine writes for less than a millisecond. Nobody is answered while this
 * one waits, so it does not wait for a process that holds the file for longer.
 */
const BUSY_MS_MAX = 50
/** A disk that has not written anything for so long gets nothing more until it has. */
const HANGING_MS_MAX = 10_000
/** A row takes less than a millisecond; twice in a row so long, and the disk is slow. */
const SLOW_MS = 500
/** Rows that are dropped at a time when there are too many: the oldest. */
const DROP_BATCH = 1000

export interface Spooled {
  id: number
  row: string
}

interface Opened {
  database: DatabaseSync
  checkpoints: Checkpoints
  append: StatementSync
  oldest: StatementSync
  remove: StatementSync
  span: StatementSync
}

export class UsageSpool {
  readonly #file: string
  readonly #rowsMax: number
  /** Null while the disk has not let it be opened. */
  #opened: Opened | null = null
  #isClosed = false
  #slowWrites = 0

  /** `rowsMax`: about 400 bytes each; over it the oldest are dropped. */
  constructor(file: string, rowsMax: number) {
    this.#file = file
    this.#rowsMax = rowsMax
    try {
      this.#use()
    } catch {
      // The first use says why, and tries again.
    }
  }

  get isOpen(): boolean {
    return this.#opened !== null
  }

  /** About how many wait. */
  get length(): number {
    const { first, last } = this.#span()
    return first === null || last === null ? 0 : last - first + 1
  }

  /** How many rows were dropped because there was no room. */
  append(row: string): number {
    const opened = this.#use()
    this.#assertQuick(opened)
    const begin = performance.now()
    const { lastInsertRowid } = opened.append.run(row)
    // One alone may also be a process that was stopped for a while.
    this.#slowWrites = performance.now() - begin < SLOW_MS ? 0 : this.#slowWrites + 1
    opened.checkpoints.wrote()
    // To look each time would double what an append costs.
    return Number(lastInsertRowid) % DROP_BATCH === 0 ? this.#makeRoom() : 0
  }

  /** Nobody is answered while a row is written. */
  #assertQuick({ checkpoints }: Opened): void {
    if (checkpoints.hangingMs > HANGING_MS_MAX) throw slow('it has not answered for 10 s')
    if (this.#slowWrites < 2) return
    this.#slowWrites = 1 // the next row tries it
    throw slow('each row takes more than half a second')
  }

  oldest(count: number): Spooled[] {
    return this.#use().oldest.all(count) as unknown as Spooled[]
  }

  remove(first: number, last: number): void {
    const opened = this.#use()
    this.#assertQuick(opened)
    opened.remove.run(last, first)
    opened.checkpoints.wrote()
  }

  /** Puts a damaged file beside, where a person may still read it, and begins with a new one. */
  setAside(): string {
    const kept = `${this.#file}.damaged-${Date.now()}`
    this.#end()
    renameSync(this.#file, kept)
    return kept
  }

  close(): void {
    this.#isClosed = true
    this.#end()
  }

  #end(): void {
    const opened = this.#opened
    this.#opened = null
    if (opened === null) return
    opened.checkpoints.stop()
    // What is left is written to the disk; nobody waits for an answer any more.
    opened.database.exec('pragma synchronous = normal')
    opened.database.close()
  }

  #use(): Opened {
    if (this.#isClosed) throw new Error('the spool is closed')
    return (this.#opened ??= openFile(this.#file))
  }

  #span(): { first: number | null; last: number | null } {
    return this.#use().span.get() as { first: number | null; last: number | null }
  }

  #makeRoom(): number {
    const { first, last } = this.#span()
    if (first === null || last === null) return 0
    const over = last - first + 1 - this.#rowsMax
    return over <= 0 ? 0 : Number(this.#use().remove.run(first + over - 1, first).changes)
  }
}

function openFile(file: string): Opened {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(file, { timeout: BUSY_MS_MAX })
  try {
    database.exec(
      `pragma journal_mode = wal;
       pragma synchronous = off;
       pragma wal_autocheckpoint = 0;
       create table if not exists usage (id integer primary key autoincrement, row text not null)`
    )
    return {
      database,
      checkpoints: new Checkpoints(file, database),
      append: database.prepare('insert into usage (row) values (?)'),
      oldest: database.prepare('select id, row from usage order by id limit ?'),
      remove: database.prepare('delete from usage where id <= ? and id >= ?'),
      // Rows are written and removed in order, so their number needs no count; each of the two is
      // looked up by the index, where both in one query would read all rows.
      span: database.prepare(
        'select (select min(id) from usage) as first, (select max(id) from usage) as last'
      )
    }
  } catch (error) {
    database.close()
    throw error
  }
}

const slow = (how: string): Error => Object.assign(new Error(how), { code: 'ETIMEDOUT' })
