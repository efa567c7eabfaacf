/**
 * Brings usage from the spool to the database, in batches and in its own time.
 *
 * No request depends on the disk: a row that the spool cannot take waits in memory, and goes to the
 * database from there. A row is dropped for three reasons only, each of them counted: the database
 * says that this very row is wrong, the spool is over its bound, or neither disk nor database has
 * taken anything for so long that the memory is full.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Health, Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { counter, gauge } from '#shared/telemetry/instruments.ts'
import { diskTrouble } from '#shared/trouble/disk.ts'
import { postgresTrouble } from '#shared/trouble/postgres.ts'
import { sentenceOf, type Trouble } from '#shared/trouble/trouble.ts'
import {
  FORGET_BATCH,
  FORGET_NOTES,
  INSERT_NOTES,
  INSERT_USAGE,
  SETTLE_CONTINUED,
  SETTLE_DOUBLED,
  type SettledRow,
  type SpooledUsage,
  type UsageRecorder,
  type UsageRow
} from './usage-row.ts'
import type { SpoolClient } from './spool-client.ts'
import type { Spooled } from './usage-spool.ts'

const BATCH_MAX = 500
/** Rows that come within it go together. */
const GATHER_MS = 500
const RETRY_MS = 1000
/** How often details of requests are looked for whose time is over. */
const FORGET_MS = 3_600_000
/** For what is left when the gateway stops; the rest waits for the next start. */
const LAST_MS_MAX = 1500
/** Rows that wait in memory while the disk takes none, about 600 bytes each. */
const MEMORY_ROWS_MAX = 20_000

interface UsageWriterOptions {
  store: Store
  spool: SpoolClient
  log: Logger
  memoryRowsMax?: number
}

export class UsageWriter implements UsageRecorder, Service {
  readonly #options: UsageWriterOptions
  readonly #stopping = new AbortController()
  #news = Promise.withResolvers<void>()
  #running: Promise<void> | null = null
  #onSettled: (row: SettledRow) => void = () => {}
  readonly #dropped = counter('haif_usage_dropped_total')
  readonly #outage: Outage
  readonly #diskOutage: Outage
  /** Rows that the disk has not taken; at most MEMORY_ROWS_MAX. */
  readonly #memory = new Set<string>()
  /** Rows that the disk has been asked to take. */
  readonly #recording = new Set<Promise<void>>()
  /** The disk is not tried before: each try in vain may take a while. */
  #diskAt = -Infinity
  #forgotAt = -Infinity

  constructor(options: UsageWriterOptions) {
    this.#options = options
    const { spool, log } = options
    this.#outage = new Outage(log, {
      begins: 'usage cannot be stored now, and waits',
      ends: 'usage is stored again'
    })
    this.#diskOutage = new Outage(log, {
      begins: 'usage cannot be written to the disk of this machine, and waits in memory',
      ends: 'usage can be written to the disk again',
      level: 'error'
    })
    gauge('haif_usage_spooled').addCallback((result) => {
      if (spool.isOpen) result.observe(spool.length)
    })
    spool.onKept((kept) => log.error({ kept }, 'the spool of usage is damaged, and kept'))
    // A counter that has never counted is no line at all, and a rate of nothing is no zero.
    for (const reason of ['full', 'refused', 'disk']) this.#dropped.add(0, { reason })
  }

  /** Requests are answered all the same. */
  health(): Health {
    const warnings = [this.#outage.warning, this.#diskOutage.warning].filter((it) => it !== null)
    return { ready: true, warnings }
  }

  /** Resolves when the row survives this process, or when the disk does not take it now. */
  record(row: SpooledUsage): Promise<void> {
    const recording = this.#record(row)
    this.#recording.add(recording)
    return recording.finally(() => this.#recording.delete(recording))
  }

  async #record(row: SpooledUsage): Promise<void> {
    const { spool, log } = this.#options
    const text = JSON.stringify(row)
    const dropped = await this.#onDisk(() => spool.append(text))
    if (dropped === null) this.#keepInMemory(withoutNote(row))
    else if (dropped > 0) {
      this.#dropped.add(dropped, { reason: 'full' })
      log.error({ rows: dropped }, 'usage has no more room on disk, and the oldest of it is lost')
    }
    this.#news.resolve()
  }

  #keepInMemory(text: string): void {
    const { memoryRowsMax = MEMORY_ROWS_MAX, log } = this.#options
    if (this.#memory.size < memoryRowsMax) {
      this.#memory.add(text)
      return
    }
    this.#dropped.add(1, { reason: 'disk' })
    log.debug('a usage row is lost: neither disk nor database takes any, and the memory is full')
  }

  /** Null when the disk does not do it now, which is said once. */
  async #onDisk<Result>(work: () => Promise<Result>): Promise<Result | null> {
    if (performance.now() < this.#diskAt) return null
    try {
      const result = await work()
      // Of calls that were made together, one that has failed says more than one that has not.
      if (performance.now() >= this.#diskAt) this.#diskOutage.worked()
      return result
    } catch (error) {
      this.#diskAt = performance.now() + RETRY_MS
      this.#diskOutage.failed(spoolError(diskTrouble(error), error))
      return null
    }
  }

  onSettled(listener: (row: SettledRow) => void): void {
    this.#onSettled = listener
  }

  /** Also what an earlier run has left. */
  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#news.resolve()
    const late = sleep(LAST_MS_MAX, undefined, { ref: false })
    await Promise.race([Promise.all([this.#running, ...this.#recording]), late])
    // it waits on disk
    if (!this.#outage.isAway) await Promise.race([this.flush().catch(() => {}), late])
    this.#diskAt = -Infinity
    await this.#saveMemory()
    const rows = this.#memory.size
    if (rows > 0) {
      this.#dropped.add(rows, { reason: 'disk' })
      this.#options.log.error({ rows }, 'usage is lost: neither disk nor database takes it')
    }
    await this.#options.spool.close()
  }

  /** Everything that waits now. */
  async flush(): Promise<void> {
    const { spool } = this.#options
    for (;;) {
      const batch = (await this.#onDisk(() => spool.oldest(BATCH_MAX))) ?? []
      if (batch.length === 0) break
      await this.#write(batch)
      const [first, last] = [batch[0]!.id, batch.at(-1)!.id]
      // Rows that stay are brought again later, and are in the database once, as each has an id.
      if ((await this.#onDisk(() => spool.remove(first, last))) === null) break
    }
    while (this.#memory.size > 0) {
      const rows = [...this.#memory].slice(0, BATCH_MAX)
      await this.#write(rows.map((row) => ({ id: NOT_SPOOLED, row })))
      for (const row of rows) this.#memory.delete(row)
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const rest = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})
    while (!signal.aborted) {
      const news = this.#news
      try {
        await this.flush()
        await this.#forgetOld()
        this.#outage.worked()
        // While the disk is away its rows are looked for again, also when nobody asks anything.
        await Promise.race(
          this.#diskOutage.isAway ? [news.promise, rest(RETRY_MS)] : [news.promise]
        )
        this.#news = Promise.withResolvers()
        await rest(GATHER_MS)
      } catch (error) {
        this.#outage.failed(error)
        await this.#saveMemory()
        await rest(RETRY_MS)
      }
    }
  }

  /** Details of requests whose time is over; with new rows, because without them none is added. */
  async #forgetOld(): Promise<void> {
    const now = performance.now()
    if (now - this.#forgotAt < FORGET_MS) return
    const gone = await this.#options.store.query(FORGET_NOTES)
    // More are left: the next look takes them.
    if (gone.length < FORGET_BATCH) this.#forgotAt = now
  }

  /** Rows in memory go to the disk as soon as that is possible. */
  async #saveMemory(): Promise<void> {
    const { spool } = this.#options
    while (this.#memory.size > 0) {
      const rows = [...this.#memory].slice(0, BATCH_MAX)
      const saving = rows.map(async (row) => {
        if ((await this.#onDisk(() => spool.append(row))) === null) return false
        this.#memory.delete(row)
        return true
      })
      if ((await Promise.all(saving)).includes(false)) return
    }
  }

  async #write(batch: readonly Spooled[]): Promise<void> {
    const { store, log } = this.#options
    try {
      const rows = `[${batch.map(({ row }) => row).join(',')}]`
      await store.query(INSERT_USAGE, [rows])
      await store.query(INSERT_NOTES, [rows])
      const continued = batch.flatMap(({ row }) => mayBeContinued(row))
      if (continued.length > 0) await this.#settle(SETTLE_CONTINUED, continued)
      const answers = batch.flatMap(({ row }) => ANSWER_ID.exec(row)?.[1] ?? [])
      if (answers.length > 0) await this.#settle(SETTLE_DOUBLED, answers)
    } catch (error) {
      const isBad = !(error instanceof HaifError) && postgresTrouble(error)?.kind === 'bad input'
      if (!isBad) throw error
      if (batch.length > 1) {
        // One of them is the cause, and must not keep the others waiting.
        for (const one of batch) await this.#write([one])
        return
      }
      this.#dropped.add(1, { reason: 'refused' })
      log.error({ err: error }, 'the database refuses a usage row, which is lost')
    }
  }

  async #settle(statement: string, ids: readonly string[]): Promise<void> {
    const settled = await this.#options.store.query<SettledRow>(statement, [ids])
    for (const row of settled) this.#onSettled(row)
  }
}

/** Memory is for the books alone. */
const withoutNote = ({ note: _note, ...row }: SpooledUsage): string => JSON.stringify(row)

/** A quote inside a string is escaped in JSON, so this finds nothing but the field. */
const ANSWER_ID = /"answer_id":"([^"]*)"/

/** The id of a row that is in memory only. */
const NOT_SPOOLED = 0

function spoolError(trouble: Trouble | null, error: unknown): unknown {
  if (trouble === null) return error
  return new HaifError('DISK_UNUSABLE', sentenceOf('the spool of usage', trouble, error), {
    details: { trouble: trouble.kind }
  })
}

/** The row that this one goes on from, and this one where it was broken off. */
function mayBeContinued(row: string): string[] {
  if (!row.includes('"continues":"') && !row.includes('"finish_reason":null')) return []
  // Rows that an older version has left name none.
  const {
    usage_id,
    continues = null,
    completion_tokens,
    finish_reason
  } = JSON.parse(row) as Partial<Pick<UsageRow, 'continues'>> & Omit<UsageRow, 'continues'>
  const isBrokenOff = finish_reason === null && completion_tokens > 0
  return [...(continues === null ? [] : [continues]), ...(isBrokenOff ? [usage_id] : [])]
}
