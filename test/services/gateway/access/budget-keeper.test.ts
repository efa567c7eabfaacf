import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { silentLogger } from '#shared/process/log.ts'
import type { Queryable } from '#shared/store/store.ts'
import { BudgetKeeper } from '../../../../services/gateway/access/budget-keeper.ts'
import { Budgets } from '../../../../services/gateway/access/budgets.ts'
import { startEmbeddedStore } from '../../../helpers/stores/embedded-store.ts'

test('one exchange at a time waits for a database that does not answer', async (t) => {
  const { store } = await startEmbeddedStore(t)
  let waiting = 0
  const counting: Queryable = {
    async query<Row extends object>(sql: string, values?: readonly unknown[]) {
      waiting++
      try {
        return await store.query<Row>(sql, values)
      } finally {
        waiting--
      }
    }
  }
  const budgets = new Budgets(Date.now)
  t.mock.timers.enable({ apis: ['setInterval'] })
  const keeper = new BudgetKeeper({
    store: counting,
    budgets,
    now: Date.now,
    log: silentLogger()
  })
  await keeper.start()
  const [held, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = store.transaction(async (tx) => {
    await tx.query('select 1')
    held.resolve()
    await over.promise
  })
  await held.promise
  budgets.reserve(['tenant/a'], 10)(10)
  for (let second = 0; second < 5; second++) {
    t.mock.timers.tick(1000)
    await turn()
  }
  assert.equal(waiting, 1)

  over.resolve()
  await holding
  await keeper.stop()
  const kept = await store.query("select tokens from budget_use where subject = 'tenant/a'")
  assert.ok(kept.length > 0 && kept.every((row) => (row as { tokens: number }).tokens === 10))
})
