/** What the store measures of itself, against a real Postgres. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { seriesIn, valueOf } from '../../helpers/mesh/live-metrics.ts'
import { atEnd } from '../../helpers/peers/peers.ts'
import { TestPostgres } from '../../helpers/stores/postgres.ts'
import { until } from '../../helpers/until.ts'

// Before any instrument is made.
const metrics = createMetrics({ forProcess: true })

const read = async (name: string, labels?: Record<string, string>) =>
  valueOf(seriesIn(await metrics.render()), name, labels)
const counted = (operation: string, outcome: string) =>
  read('haif_store_query_seconds_count', { operation, outcome })

test('statements are measured by what they do and what became of them; who waits is told', async (t) => {
  const server = new TestPostgres()
  await server.create()
  atEnd(t, () => server.end())
  const url = await server.freshDatabase()
  const store = new PostgresStore({ url, log: silentLogger(), migrations: [], connectionsMax: 1 })
  atEnd(t, () => store.stop())
  await store.start()
  assert.equal(await counted('transaction', 'ok'), 1) // the migrations, of which there are none

  await store.query('create table notes (id integer primary key)')
  const others = (await counted('other', 'ok'))!
  await store.query('truncate notes')
  assert.equal(await counted('other', 'ok'), others + 1)
  await store.query('\n  INSERT into notes values ($1)', [1])
  await store.query('update notes set id = 2')
  await assert.rejects(store.query('insert into notes values (2)'))
  await store.query('delete from notes')
  assert.equal(await counted('insert', 'ok'), 1)
  assert.equal(await counted('insert', 'failed'), 1)
  assert.equal(await counted('update', 'ok'), 1)
  assert.equal(await counted('delete', 'ok'), 1)

  const before = (await counted('select', 'ok')) ?? 0
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  atEnd(t, async () => letGo()) // or the store waits for it
  const holding = store.transaction(async (tx) => {
    await tx.query('select 1')
    await held
    throw new Error('changed my mind')
  })
  await until(async () => (await counted('select', 'ok')) === before + 1)
  const waiting = store.query('select 2')
  assert.equal(await read('haif_store_waiting'), 1)
  assert.equal(await read('haif_store_connections', { state: 'busy' }), 1)
  assert.equal(await counted('select', 'ok'), before + 1)
  letGo()
  await assert.rejects(holding, /changed my mind/)
  await waiting
  assert.equal(await counted('select', 'ok'), before + 2)
  assert.equal(await counted('transaction', 'failed'), 1)
  assert.equal(await read('haif_store_waiting'), 0)
  await until(async () => (await read('haif_store_connections', { state: 'idle' })) === 1)

  await server.stop('SIGQUIT')
  await assert.rejects(store.query('select 3'), { code: 'STORE_UNAVAILABLE' })
  const away = store.transaction((tx) => tx.query('select 4'))
  await assert.rejects(away, { code: 'STORE_UNAVAILABLE' })
  assert.equal(await counted('select', 'unavailable'), 1)
  assert.equal(await counted('transaction', 'unavailable'), 1)
})
