import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { silentLogger } from '#shared/process/log.ts'
import type { Queryable } from '#shared/store/store.ts'
import { BudgetKeeper } from '../../../../services/gateway/access/budget-keeper.ts'
import { Budgets } from '../../../../services/gateway/access/budgets.ts'

test('one exchange at a time waits for a database that does not answer', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const waiting: (() => void)[] = []
  let isSilent = false
  const store: Queryable = {
    async query() {
      if (isSilent) await new Promise<void>((resolve) => waiting.push(resolve))
      return []
    }
  }
  const keeper = new BudgetKeeper({
    store,
    budgets: new Budgets(Date.now),
    now: Date.now,
    log: silentLogger()
  })
  await keeper.start()
  isSilent = true
  for (let second = 0; second < 5; second++) {
    t.mock.timers.tick(1000)
    await turn()
  }
  assert.equal(waiting.length, 1)

  isSilent = false
  for (const answer of waiting) answer()
  await keeper.stop()
})
