import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '#shared/log.ts'
import type { Store } from '#shared/store/store.ts'
import { begunRow, SYSTEM_CLOCKS } from '../../../services/gateway/metered.ts'
import { UsageSpool } from '../../../services/gateway/usage-spool.ts'
import { UsageWriter } from '../../../services/gateway/usage-writer.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { startMesh } from '../../helpers/mesh.ts'
import { atEnd } from '../../helpers/peers.ts'
import { TestPostgres } from '../../helpers/postgres.ts'
import { openStore, STORE_KINDS } from '../../helpers/stores.ts'
import { until } from '../../helpers/until.ts'

const row = (requestId = randomUUID()) =>
  begunRow(
    { usageId: randomUUID(), requestId, tenantId: 'a', tokenId: null },
    'sim',
    'infer',
    SYSTEM_CLOCKS
  )

const count = async (store: Store) =>
  (await store.query<{ count: number }>('select count(*) as count from requests'))[0]!.count

for (const kind of STORE_KINDS) {
  test(`usage of answers, failures and repeats is in the books (${kind.name})`, async (t) => {
    const { store } = await kind.start(t)
    const usage = await startUsage(t, store, join(temporaryHome(t), 'usage.sqlite'))
    const mesh = await startMesh(t, { usage })
    const answer = await mesh.infer({ prompt: 'one', maxTokens: 12, tenantId: 'a' })
    await assert.rejects(mesh.infer({ model: 'none', tenantId: 'b' }))
    const keyed = { prompt: 'two', maxTokens: 5, tenantId: 'c', idempotencyKey: 'k' }
    await mesh.infer(keyed)
    await mesh.infer(keyed)
    await until(async () => (await count(store)) === 4)
    const rows = await store.query<Record<string, unknown>>(
      `select tenant_id, model, worker, attempts, completion_tokens, finish_reason, error_code,
         duration_ms > 0 and ended_at >= started_at as took_time
       from requests order by tenant_id, attempts desc`
    )
    const worker = answer.end.workers![0]
    const served = {
      model: 'sim',
      worker,
      finish_reason: 'length',
      error_code: null,
      took_time: true
    }
    assert.deepEqual(rows, [
      { ...served, tenant_id: 'a', attempts: 1, completion_tokens: 12 },
      {
        tenant_id: 'b',
        model: 'none',
        worker: null,
        attempts: 0,
        completion_tokens: 0,
        finish_reason: null,
        error_code: 'MODEL_NOT_FOUND',
        took_time: true
      },
      { ...served, tenant_id: 'c', attempts: 1, completion_tokens: 5 },
      { ...served, tenant_id: 'c', attempts: 0, completion_tokens: 0 } // nothing was computed again
    ])
  })
}

test('usage waits on disk while Postgres is away, and survives the process', async (t) => {
  const server = new TestPostgres()
  await server.create()
  atEnd(t, () => server.end())
  const store = await openStore(t, await server.freshDatabase())
  const file = join(temporaryHome(t), 'usage.sqlite')
  const usage = await startUsage(t, store, file)
  usage.record(row())
  await until(async () => (await count(store)) === 1)

  await server.stop('SIGQUIT')
  for (let i = 0; i < 700; i++) usage.record(row())
  // Another process of this machine would read the same file.
  const spool = new UsageSpool(file, 10_000)
  assert.equal(spool.length, 700)
  const twice = spool.oldest(5).map(({ row: text }) => text)
  for (const text of twice) spool.append(text)
  await server.start()
  await until(async () => (await count(store)) === 701, 30_000)
  await until(() => spool.length === 0)
  assert.equal(await count(store), 701)
  spool.close()
})

test('a row that the database refuses does not hold up the others', async (t) => {
  const { store } = await STORE_KINDS[0]!.start(t)
  const usage = await startUsage(t, store, join(temporaryHome(t), 'usage.sqlite'))
  usage.record({ ...row(), started_at: 'never' })
  usage.record(row())
  await until(async () => (await count(store)) === 1)
})

test('a spool that is full drops the oldest and counts them', async (t) => {
  const spool = new UsageSpool(join(temporaryHome(t), 'usage.sqlite'), 2500)
  for (let i = 1; i <= 5000; i++) spool.append(String(i))
  assert.equal(spool.dropped, 2500)
  assert.equal(spool.length, 2500)
  assert.deepEqual(
    spool.oldest(1).map(({ row: text }) => text),
    ['2501']
  )
  spool.close()
})

async function startUsage(t: TestContext, store: Store, file: string): Promise<UsageWriter> {
  const spool = new UsageSpool(file, 10_000)
  const usage = new UsageWriter({ store, spool, log: silentLogger() })
  atEnd(t, () => usage.stop())
  await usage.start()
  return usage
}
