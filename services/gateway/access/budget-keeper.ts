/**
 * Carries what budgets have counted to the store, in batches, and brings back the totals of all
 * gateways.
 */
import { Outage } from '#shared/kit/outage.ts'
import { Turns } from '#shared/kit/turns.ts'
import type { Logger } from '#shared/process/log.ts'
import { isBadInput } from '#shared/store/postgres-errors.ts'
import type { Queryable } from '#shared/store/store.ts'
import { periodOf } from './budget-period.ts'
import type { Budgets, BudgetUse } from './budgets.ts'

const FLUSH_MS = 1000
const BATCH_MAX = 2000
/** What a subject's count stops at: half of what the column holds, and exact in JavaScript. */
const TOKENS_MAX = Number.MAX_SAFE_INTEGER
/** Periods that no budget asks for any more. */
const KEEP = '70 days'
/** How far back to look for what other gateways have stored; far more than between two looks. */
const RECENT = '30 seconds'
const TOTALS = 'subject, period, tokens, given_back as "givenBack"'

interface BudgetKeeperDeps {
  store: Queryable
  budgets: Budgets
  now: () => number
  log: Logger
}

export class BudgetKeeper {
  readonly #deps: BudgetKeeperDeps
  #timer: NodeJS.Timeout | undefined
  readonly #turns = new Turns()
  readonly #outage: Outage
  #stopped = false

  constructor(deps: BudgetKeeperDeps) {
    this.#deps = deps
    this.#outage = new Outage(deps.log, {
      begins: 'cannot store what budgets have counted; going on',
      ends: 'what budgets count is stored again'
    })
  }

  get warning(): string | null {
    return this.#outage.warning
  }

  /** Also while the database takes no writes: what was used up is only read. */
  async start(): Promise<void> {
    const { store } = this.#deps
    await this.#learnAll()
    try {
      await store.query(`delete from budget_use where updated_at < now() - interval '${KEEP}'`)
    } catch (error) {
      this.#outage.failed(error)
    }
    if (this.#stopped) return
    this.#timer = setInterval(() => {
      // A database that does not answer is given up only after several of these.
      if (this.#turns.isFree) void this.#turns.run(() => this.#exchange())
    }, FLUSH_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#turns.run(() => this.#exchange())
  }

  async #exchange(): Promise<void> {
    try {
      if (this.#outage.isAway) await this.#learnAll()
      this.#outage.worked()
      await this.#flush()
      await this.#learnRecent()
    } catch (error) {
      this.#outage.failed(error)
    }
  }

  async #flush(): Promise<void> {
    const { budgets } = this.#deps
    budgets.tidy()
    const batch = budgets.takeBatch(BATCH_MAX)
    if (batch.length === 0) return
    try {
      budgets.done(batch, await this.#add(batch))
    } catch (error) {
      budgets.failed(batch)
      throw error
    }
  }

  /** A count that the database refuses keeps no other from being stored. */
  async #add(batch: readonly BudgetUse[]): Promise<BudgetUse[]> {
    const { store, log } = this.#deps
    try {
      return await store.query<BudgetUse>(
        `insert into budget_use (subject, period, tokens)
         select * from unnest($1::text[], $2::text[], $3::bigint[])
         on conflict (subject, period)
           do update set updated_at = now(),
             tokens = least(budget_use.tokens, ${TOKENS_MAX} - excluded.tokens) + excluded.tokens
         returning ${TOTALS}`,
        [
          batch.map(({ subject }) => subject),
          batch.map(({ period }) => period),
          batch.map(({ tokens }) => tokens)
        ]
      )
    } catch (error) {
      if (!isBadInput(error)) throw error
      const totals: BudgetUse[] = []
      if (batch.length > 1) for (const one of batch) totals.push(...(await this.#add([one])))
      else log.error({ ...batch[0], err: error }, 'the database refuses the count of a budget')
      return totals
    }
  }

  async #learnRecent(): Promise<void> {
    const { store, budgets } = this.#deps
    budgets.learn(
      await store.query<BudgetUse>(
        `select ${TOTALS} from budget_use where updated_at > now() - interval '${RECENT}'`
      )
    )
  }

  async #learnAll(): Promise<void> {
    const { store, budgets, now } = this.#deps
    const periods = [periodOf('day', now()).name, periodOf('month', now()).name]
    budgets.learn(
      await store.query<BudgetUse>(`select ${TOTALS} from budget_use where period = any($1)`, [
        periods
      ])
    )
  }
}
