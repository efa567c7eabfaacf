/** Brings usage from the spool to the database, in batches and in its own time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { counter, gauge } from '#shared/telemetry/instruments.ts'
import { INSERT_USAGE, type UsageRecorder, type UsageRow } from './usage-row.ts'
import type { Spooled, UsageSpool } from './usage-spool.ts'

const BATCH_MAX = 500
/** Rows that come within it go together. */
const GATHER_MS = 500
const RETRY_MS = 1000
/** For what is left when the gateway stops; the rest waits for the next start. */
const LAST_MS_MAX = 1500

interface UsageWriterOptions {
  store: Store
  spool: UsageSpool
  log: Logger
}

export class UsageWriter implements UsageRecorder, Service {
  readonly #options: UsageWriterOptions
  readonly #stopping = new AbortController()
  #news = Promise.withResolvers<void>()
  #running: Promise<void> | null = null
  readonly #dropped = counter('haif_usage_dropped_total')
  readonly #outage: Outage
  readonly #diskOutage: Outage

  constructor(options: UsageWriterOptions) {
    this.#options = options
    const { spool, log } = options
    this.#outage = new Outage(log, {
      begins: 'usage cannot be stored now, and waits on disk',
      ends: 'usage is stored again'
    })
    this.#diskOutage = new Outage(log, {
      begins: 'usage cannot be written to the disk, and what comes is lost',
      ends: 'usage can be written to the disk again',
      level: 'error'
    })
    gauge('haif_usage_spooled').addCallback((result) => {
      if (spool.isOpen) result.observe(spool.length)
    })
    // A counter that has never counted is no line at all, and a rate of nothing is no zero.
    for (const reason of ['full', 'refused', 'disk']) this.#dropped.add(0, { reason })
  }

  record(row: UsageRow): void {
    const { log } = this.#options
    const dropped = this.#append(row)
    if (dropped > 0) {
      this.#dropped.add(dropped, { reason: 'full' })
      log.error({ rows: dropped }, 'usage has no more room on disk, and the oldest of it is lost')
    }
    this.#news.resolve()
  }

  /**
   * The caller of this request has its answer already, so a disk that fails is not its business.
   */
  #append(row: UsageRow): number {
    try {
      const dropped = this.#options.spool.append(JSON.stringify(row))
      this.#diskOutage.worked()
      return dropped
    } catch (error) {
      this.#dropped.add(1, { reason: 'disk' })
      this.#diskOutage.failed(error)
      return 0
    }
  }

  /** Also what an earlier run has left. */
  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#news.resolve()
    const late = sleep(LAST_MS_MAX, undefined, { ref: false })
    await Promise.race([this.#running, late])
    // it waits on disk
    if (!this.#outage.isAway) await Promise.race([this.flush().catch(() => {}), late])
    this.#options.spool.close()
  }

  /** Everything that is in the spool now. */
  async flush(): Promise<void> {
    const { spool } = this.#options
    for (;;) {
      const batch = spool.oldest(BATCH_MAX)
      if (batch.length === 0) return
      await this.#write(batch)
      spool.remove(batch[0]!.id, batch.at(-1)!.id)
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const rest = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})
    while (!signal.aborted) {
      const news = this.#news
      try {
        await this.flush()
        this.#outage.worked()
        await news.promise
        this.#news = Promise.withResolvers()
        await rest(GATHER_MS)
      } catch (error) {
        this.#outage.failed(error)
        await rest(RETRY_MS)
      }
    }
  }

  async #write(batch: Spooled[]): Promise<void> {
    const { store } = this.#options
    try {
      await store.query(INSERT_USAGE, [`[${batch.map(({ row }) => row).join(',')}]`])
    } catch (error) {
      if (error instanceof HaifError) throw error
      if (batch.length > 1) {
        // One of them is the cause, and must not keep the others waiting.
        for (const one of batch) await this.#write([one])
        return
      }
      this.#dropped.add(1, { reason: 'refused' })
      this.#options.log.error({ err: error }, 'the database refuses a usage row, which is lost')
    }
  }
}
