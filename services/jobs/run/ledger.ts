/**
 * Writes what becomes of attempts. Whatever comes while something is being written is written
 * together in the next transaction, so that many short tasks cost few of them. While the database
 * is away reports wait: there are at most a few for each place.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { toHaifError } from '#shared/errors.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Logger } from '#shared/process/log.ts'
import { settle, type Report, type SettleDeps, type Settled } from './settle.ts'

interface LedgerDeps extends SettleDeps {
  /** Called after each transaction. */
  onWritten: (written: Settled) => void
  log: Logger
}

/** Reports of one transaction. */
const BATCH_MAX = 200
const AWAY_MS = 500

export class Ledger {
  readonly #deps: LedgerDeps
  readonly #outage: Outage
  #waiting: Report[] = [] // two for each place at most
  #writing: Promise<void> | null = null
  #isStopping = false

  constructor(deps: LedgerDeps) {
    this.#deps = deps
    this.#outage = new Outage(deps.log, {
      begins: 'results of tasks cannot be stored, and wait',
      ends: 'results of tasks are stored again'
    })
  }

  get warning(): string | null {
    return this.#outage.warning
  }

  report(report: Report): void {
    this.#waiting.push(report)
    this.#writing ??= this.#write().finally(() => (this.#writing = null))
  }

  /** Resolves when all is written; while the database is away, at once. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#writing
  }

  async #write(): Promise<void> {
    await Promise.resolve() // what is reported in one turn goes together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MAX)
      const left = await this.#written(batch)
      if (left.length === 0) continue
      if (this.#isStopping) return
      this.#waiting.unshift(...left)
      await sleep(AWAY_MS)
    }
  }

  /** Returns what could not be written because the database is away. */
  async #written(batch: readonly Report[]): Promise<readonly Report[]> {
    try {
      const settled = await settle(this.#deps, batch)
      this.#outage.worked()
      this.#deps.onWritten(settled)
      return []
    } catch (error) {
      if (toHaifError(error).code !== 'STORE_UNAVAILABLE') return this.#refused(batch, error)
      this.#outage.failed(error)
      return batch
    }
  }

  /** One that cannot be stored must not keep the others. The lease of its task runs out. */
  async #refused(batch: readonly Report[], error: unknown): Promise<readonly Report[]> {
    const [first, ...others] = batch
    if (first !== undefined && others.length > 0) {
      return [...(await this.#written([first])), ...(await this.#written(others))]
    }
    const { kind, of } = first!
    this.#deps.log.error({ err: error, kind, job: of.job_id, task: of.task_id }, 'report refused')
    return []
  }
}
