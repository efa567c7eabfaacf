import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { begunRow, SYSTEM_CLOCKS } from '../../../../services/gateway/usage/usage-meter.ts'
import type { UsageRow } from '../../../../services/gateway/usage/usage-row.ts'
import { SpoolClient } from '../../../../services/gateway/usage/spool-client.ts'
import { UsageSpool } from '../../../../services/gateway/usage/usage-spool.ts'
import { UsageWriter } from '../../../../services/gateway/usage/usage-writer.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { seriesIn, valueOf } from '../../../helpers/mesh/live-metrics.ts'
import { startMesh } from '../../../helpers/mesh/mesh.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { TestPostgres } from '../../../helpers/stores/postgres.ts'
import { openStore, STORE_KINDS } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'

// Before any instrument is made.
const metrics = createMetrics({ forProcess: true })

/** Since the process began. */
async function dropped(reason: 'full' | 'refused'): Promise<number> {
  const series = seriesIn(await metrics.render())
  return valueOf(series, 'haif_usage_dropped_total', { reason }) ?? 0
}

const row = (requestId: string = randomUUID()) =>
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
  // Another process of this machine would read the same file.
  const spool = new UsageSpool(file, 10_000)
  await usage.record(row())
  await until(async () => (await count(store)) === 1)
  // A row leaves the disk when Postgres has said that it has it, so a moment after it is there.
  await until(() => spool.length === 0)

  await server.stop('SIGQUIT')
  await Promise.all(Array.from({ length: 700 }, () => usage.record(row())))
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
  const before = await dropped('refused')
  void usage.record({ ...row(), started_at: 'never' })
  void usage.record(row())
  await until(async () => (await count(store)) === 1)
  assert.equal(await dropped('refused'), before + 1)
})

test('a spool that is full drops the oldest, which is counted', async (t) => {
  const spool = new SpoolClient(join(temporaryHome(t), 'usage.sqlite'), 2500)
  const { store } = await STORE_KINDS[0]!.start(t)
  const usage = new UsageWriter({ store, spool, log: silentLogger() })
  atEnd(t, () => usage.stop())
  const before = await dropped('full')
  const spooled = async () => valueOf(seriesIn(await metrics.render()), 'haif_usage_spooled')
  // It was not started, so nothing leaves it for the database.
  const ids = Array.from({ length: 5000 }, (_, i) => `request-${i}`)
  await Promise.all(ids.map((id) => usage.record(row(id))))
  assert.equal(await dropped('full'), before + 2500)
  assert.equal(await spooled(), 2500)
  const [oldest] = (await spool.oldest(1)).map(({ row: text }) => JSON.parse(text) as UsageRow)
  assert.equal(oldest!.request_id, 'request-2500')
})

test('of the ways of one request the last that has ended counts, in whatever order', async (t) => {
  const { store } = await STORE_KINDS[0]!.start(t)
  const usage = await startUsage(t, store, join(temporaryHome(t), 'usage.sqlite'))
  const settled: number[] = []
  usage.onSettled((each) => settled.push(each.completion_tokens))
  const ended = { prompt_tokens: 5, completion_tokens: 24, finish_reason: 'stop' }
  const brokenOff = { completion_tokens: 9, error_code: 'PEER_LOST' }
  const cases: [name: string, ways: (Partial<UsageRow> & { way: number })[], left: number[]][] = [
    [
      'ended twice',
      [
        { way: 0, ...ended },
        { way: 1, ...ended, completion_tokens: 20 }
      ],
      [20]
    ],
    ['three ways', [0, 1, 2].map((way) => ({ way, ...ended, completion_tokens: 20 + way })), [22]],
    [
      'broken off',
      [
        { way: 0, ...brokenOff },
        { way: 1, ...ended }
      ],
      [24]
    ],
    [
      'the last has failed',
      [
        { way: 0, ...ended },
        { way: 1, ...brokenOff }
      ],
      [9, 24]
    ],
    [
      'asked for twice',
      [
        { way: 0, ...ended },
        { way: 0, ...ended }
      ],
      [24, 24]
    ],
    ['twice, and given up', [0, 0, 1].map((way) => ({ way, ...ended })), [24, 24]],
    ['two answers', [0, 1].map((way) => ({ way, ...ended, answer_id: `other ${way}` })), [24, 24]]
  ]
  for (const [name, ways, left] of cases) {
    for (const order of ['as they began', 'backwards']) {
      const id = `${name} ${order}`
      const charged = { token_id: id, charged_tokens: 30 }
      const rows = ways.map((way) => ({ ...row(id), answer_id: id, ...charged, ...way }))
      for (const one of order === 'backwards' ? rows.toReversed() : rows) {
        await usage.record(one)
        await usage.flush()
      }
      const counted = await store.query<{ tokens: number }>(
        `select completion_tokens as tokens from requests
         where request_id = $1 and completion_tokens > 0 order by 1`,
        [id]
      )
      assert.deepEqual(
        counted,
        left.map((tokens) => ({ tokens })),
        id
      )
      const [budget] = await store.query<{ back: number }>(
        `select given_back as back from budget_use where subject = $1 and length(period) = 10`,
        [`token/${id}`]
      )
      const back = ways.length - left.length
      assert.equal(budget?.back ?? 0, 30 * back, id)
      assert.equal(settled.splice(0).length, back, id)
    }
  }
})

async function startUsage(t: TestContext, store: Store, file: string): Promise<UsageWriter> {
  const spool = new SpoolClient(file, 10_000)
  const usage = new UsageWriter({ store, spool, log: silentLogger() })
  atEnd(t, () => usage.stop())
  await usage.start()
  return usage
}
