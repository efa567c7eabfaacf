/**
 * A whole home of an earlier HAIF under this one: what it has given out, counted and written down
 * goes on, and the earlier HAIF then refuses what it would misread.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Home } from '#shared/main/home.ts'
import { migrateHome } from '#shared/main/migrate-home.ts'
import { silentLogger } from '#shared/process/log.ts'
import { loadMigrations } from '#shared/store/migrations.ts'
import type { Store } from '#shared/store/store.ts'
import { Access } from '../../../services/gateway/access/access.ts'
import { begunRow, SYSTEM_CLOCKS } from '../../../services/gateway/usage/usage-meter.ts'
import { sumUsage } from '../../../services/gateway/usage/usage-sums.ts'
import { SpoolClient } from '../../../services/gateway/usage/spool-client.ts'
import { UsageSpool } from '../../../services/gateway/usage/usage-spool.ts'
import { UsageWriter } from '../../../services/gateway/usage/usage-writer.ts'
import { findDisagreements } from '../../../services/gateway/usage/verify-usage.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { atEnd } from '../../helpers/peers/peers.ts'
import { freshDatabase } from '../../helpers/stores/postgres.ts'
import { openStore } from '../../helpers/stores/stores.ts'
import { until } from '../../helpers/until.ts'

/** The last migration of the HAIF that had a mesh secret and no invites. */
const BEFORE_INVITES = 11

/** Columns that it did not have. */
const LATER = new Set(['continues', 'answer_id', 'way', 'receipts', 'charged_tokens'])

async function accessOn(t: TestContext, store: Store, home: Home): Promise<Access> {
  const pepper = home.tokenPepper({})
  const access = new Access({ store, pepper, maxConcurrentPerCaller: 8, log: silentLogger() })
  atEnd(t, () => access.stop())
  await access.start()
  return access
}

test('tokens, books, budgets and audit of an earlier HAIF go on', async (t) => {
  const folder = temporaryHome(t)
  mkdirSync(join(folder, 'keys'), { recursive: true })
  writeFileSync(join(folder, 'mesh.secret'), `${randomBytes(32).toString('hex')}\n`, {
    mode: 0o600
  })
  const home = new Home({ HAIF_HOME: folder })
  const url = await freshDatabase()
  const old = loadMigrations().filter(({ number }) => number <= BEFORE_INVITES)

  const made = await openStore(t, await freshDatabase())
  const first = await accessOn(t, made, home)
  const operator = { actor: 'test', requestId: 'r' }
  const limits = { tokensPerDay: 100 }
  const { secret, token } = await first.stored.admin.createToken({ tenant: 'a', limits }, operator)
  await first.stop()
  const before = await openStore(t, url, old)
  for (const table of ['access_state', 'tenants', 'tokens', 'audit_events', 'audit_checkpoints']) {
    await before.query(`delete from ${table}`)
    const rows = await made.query(`select * from ${table}`)
    await before.query(
      `insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      [JSON.stringify(rows)]
    )
  }
  const today = new Date().toISOString().slice(0, 10)
  await before.query(
    `insert into requests (usage_id, request_id, tenant_id, token_id, kind, model, attempts,
       prompt_tokens, completion_tokens, duration_ms, finish_reason, started_at, ended_at)
     values ('u1', 'r1', 'a', $1, 'infer', 'sim', 1, 40, 50, 9, 'stop', now(), now())`,
    [token.id]
  )
  await before.query('insert into budget_use (subject, period, tokens) values ($1, $2, 90)', [
    `token/${token.id}`,
    today
  ])
  // It was killed with a row in its spool, as that version wrote it.
  const file = join(folder, 'state', 'usage.sqlite')
  const spool = new UsageSpool(file, 100)
  const charged = { usageId: randomUUID(), requestId: 'r2', tenantId: 'a', tokenId: token.id }
  const row = begunRow(charged, 'sim', 'infer', SYSTEM_CLOCKS)
  const ended = { ...row, completion_tokens: 5, finish_reason: 'stop' }
  const asThen = Object.entries(ended).filter(([name]) => !LATER.has(name))
  spool.append(JSON.stringify(Object.fromEntries(asThen)))
  spool.close()

  assert.equal(migrateHome(home), true)
  const after = await openStore(t, url)
  const access = await accessOn(t, after, home)
  const shown = { token: secret, fromBeyond: false }
  assert.equal((await access.directory.authenticate(shown)).tenant, 'a')
  await assert.rejects(access.directory.authenticate(undefined), { code: 'UNAUTHENTICATED' })
  const log = silentLogger()
  const usage = new UsageWriter({ store: after, spool: new SpoolClient(file, 100), log })
  atEnd(t, () => usage.stop())
  await usage.start()
  await until(async () => (await sumUsage(after, {}, 'a'))[0]?.requests === 2)
  assert.equal((await sumUsage(after, {}, 'a'))[0]?.completionTokens, 55)
  const report = await findDisagreements(after, {})
  assert.deepEqual([report.rows, report.before, report.problems], [2, 2, []])
  await access.stored.admin.createToken({ tenant: 'b' }, operator)
  assert.deepEqual((await access.stored.audit.verify()).problems, [])

  await assert.rejects(openStore(t, url, old), {
    code: 'SCHEMA_MISMATCH',
    message:
      /was made by HAIF .*and this is HAIF .*update HAIF on this machine, or restore a backup/
  })
})
