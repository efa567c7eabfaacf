/** Measures how long statements and transactions take, and how many wait for a connection. */
import type pg from 'pg'
import { gauge, histogram } from '#shared/telemetry/instruments.ts'
import { postgresTrouble } from '#shared/trouble/postgres.ts'

/** The first words of statements that have a label of their own. */
const OPERATIONS: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete'])

export class StoreMetrics {
  readonly #seconds = histogram('haif_store_query_seconds')

  constructor(pool: pg.Pool) {
    gauge('haif_store_connections').addCallback((result) => {
      result.observe(pool.totalCount - pool.idleCount, { state: 'busy' })
      result.observe(pool.idleCount, { state: 'idle' })
    })
    gauge('haif_store_waiting').addCallback((result) => result.observe(pool.waitingCount))
  }

  statement<Result>(sql: string, run: () => Promise<Result>): Promise<Result> {
    const [, word = ''] = /^\s*(\w+)/.exec(sql) ?? []
    const operation = word.toLowerCase()
    return this.#timed(OPERATIONS.has(operation) ? operation : 'other', run)
  }

  transaction<Result>(run: () => Promise<Result>): Promise<Result> {
    return this.#timed('transaction', run)
  }

  async #timed<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now()
    let outcome = 'ok'
    try {
      return await run()
    } catch (error) {
      const kind = postgresTrouble(error)?.kind ?? 'bad input' // a bug of ours counts as such
      outcome = kind === 'bad input' ? 'failed' : 'unavailable'
      throw error
    } finally {
      this.#seconds.record((performance.now() - startedAt) / 1000, { operation, outcome })
    }
  }
}
