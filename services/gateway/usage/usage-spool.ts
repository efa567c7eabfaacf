/**
 * Usage on its way to the database, on the disk of this machine. What is here has survived the
 * process: SQLite in WAL mode without a sync for each row loses nothing when a process is killed
 * (when the power fails, perhaps the last moments).
 *
 * Gateways of one machine may share a file; a row that two of them bring to the database is there
 * once, because it has an id.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

/** Another gateway of this machine writes for less than a millisecond. */
const BUSY_MS_MAX = 2000
/** Rows that are dropped at a time when there are too many: the oldest. */
const DROP_BATCH = 1000

export interface Spooled {
  id: number
  row: string
}

export class UsageSpool {
  readonly #database: DatabaseSync
  readonly #rowsMax: number
  readonly #append: StatementSync
  readonly #oldest: StatementSync
  readonly #remove: StatementSync
  readonly #span: StatementSync

  /** `rowsMax`: about 400 bytes each; over it the oldest are dropped. */
  constructor(file: string, rowsMax: number) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    this.#rowsMax = rowsMax
    this.#database = new DatabaseSync(file, { timeout: BUSY_MS_MAX })
    this.#database.exec(
      `pragma journal_mode = wal;
       pragma synchronous = normal;
       create table if not exists usage (id integer primary key autoincrement, row text not null)`
    )
    this.#append = this.#database.prepare('insert into usage (row) values (?)')
    this.#oldest = this.#database.prepare('select id, row from usage order by id limit ?')
    this.#remove = this.#database.prepare('delete from usage where id <= ? and id >= ?')
    // Rows are written and removed in order, so their number needs no count.
    this.#span = this.#database.prepare('select min(id) as first, max(id) as last from usage')
  }

  get isOpen(): boolean {
    return this.#database.isOpen
  }

  /** About how many wait. */
  get length(): number {
    const { first, last } = this.#span.get() as { first: number | null; last: number | null }
    return first === null || last === null ? 0 : last - first + 1
  }

  /** How many rows were dropped because there was no room. */
  append(row: string): number {
    const { lastInsertRowid } = this.#append.run(row)
    // To look each time would double what an append costs.
    return Number(lastInsertRowid) % DROP_BATCH === 0 ? this.#makeRoom() : 0
  }

  oldest(count: number): Spooled[] {
    return this.#oldest.all(count) as unknown as Spooled[]
  }

  remove(first: number, last: number): void {
    this.#remove.run(last, first)
  }

  close(): void {
    this.#database.close()
  }

  #makeRoom(): number {
    const { first, last } = this.#span.get() as { first: number; last: number }
    const over = last - first + 1 - this.#rowsMax
    return over <= 0 ? 0 : Number(this.#remove.run(first + over - 1, first).changes)
  }
}
