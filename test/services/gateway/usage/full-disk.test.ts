/** Usage and a disk of this machine that does not take it: no request waits, and no row is lost. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { begunRow, SYSTEM_CLOCKS } from '../../../../services/gateway/usage/usage-meter.ts'
import { SpoolClient } from '../../../../services/gateway/usage/spool-client.ts'
import { UsageWriter } from '../../../../services/gateway/usage/usage-writer.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { patience } from '../../../helpers/deadline.ts'
import { assertNoForbiddenWords } from '../../../helpers/forbidden-words.ts'
import { seriesIn, valueOf } from '../../../helpers/mesh/live-metrics.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { testPostgres } from '../../../helpers/stores/postgres.ts'
import { NO_SMALL_DISK, smallDisk } from '../../../helpers/stores/small-disk.ts'
import { startPostgresStore } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'

// Before any instrument is made.
const metrics = createMetrics({ forProcess: true })

async function lost(): Promise<number> {
  const series = seriesIn(await metrics.render())
  return valueOf(series, 'haif_usage_dropped_total', { reason: 'disk' }) ?? 0
}

const row = () =>
  begunRow(
    { usageId: randomUUID(), requestId: randomUUID(), tenantId: 'a', tokenId: null },
    'sim',
    'infer',
    SYSTEM_CLOCKS
  )

async function start(t: TestContext, file: string, memoryRowsMax?: number) {
  const { store, url } = await startPostgresStore(t)
  const { log, lines } = recordingLogger()
  const spool = new SpoolClient(file, 10_000)
  const bound = memoryRowsMax === undefined ? {} : { memoryRowsMax }
  const usage = new UsageWriter({ store, spool, log, ...bound })
  atEnd(t, () => usage.stop())
  await usage.start()
  const count = async () =>
    (await store.query<{ count: number }>('select count(*) as count from requests'))[0]!.count
  return { store, url, usage, spool, lines, count }
}

test(
  'with a full disk usage goes to the database from memory',
  { skip: NO_SMALL_DISK },
  async (t) => {
    const disk = smallDisk(t, 2)
    const { usage, lines, count } = await start(t, join(disk.folder, 'usage.sqlite'))
    const before = await lost()
    disk.fill()
    for (let i = 0; i < 700; i++) void usage.record(row())
    await until(async () => (await count()) === 700)
    assert.equal(lines.filter(({ msg }) => /waits in memory/.test(String(msg))).length, 1)
    disk.empty()
    await until(() => {
      void usage.record(row())
      return usage.health().warnings?.length === 0
    })
    assert.equal(await lost(), before)
    assertNoForbiddenWords(lines, usage.health())
  }
)

test(
  'a gateway starts with a full disk, and keeps its books',
  { skip: NO_SMALL_DISK },
  async (t) => {
    const disk = smallDisk(t, 1)
    disk.fill()
    const { usage, spool, count } = await start(t, join(disk.folder, 'state', 'usage.sqlite'))
    void usage.record(row())
    await until(async () => (await count()) === 1)
    assert.match(usage.health().warnings![0]!, /has no more room/)
    disk.empty()
    await until(() => usage.health().warnings?.length === 0)
    assert.ok(spool.isOpen)
  }
)

test(
  'what neither disk nor database takes waits in memory, and what is over its bound is counted',
  { skip: NO_SMALL_DISK },
  async (t) => {
    const disk = smallDisk(t, 1)
    const { url, usage, count, spool } = await start(t, join(disk.folder, 'usage.sqlite'), 50)
    const before = await lost()
    const server = await testPostgres()
    disk.fill()
    await server.sql(url, 'alter table requests rename to elsewhere')
    await Promise.all(Array.from({ length: 80 }, () => usage.record(row())))
    assert.equal(await lost(), before + 30)
    await until(() => usage.health().warnings?.length === 2)
    // The disk is back first: what is in memory survives the process from then on.
    disk.empty()
    await until(() => spool.isOpen && usage.health().warnings?.length === 1 && spool.length === 50)
    await server.sql(url, 'alter table elsewhere rename to requests')
    await until(async () => (await count()) === 50)
  }
)

test('a spool that another process holds keeps no request waiting', async (t) => {
  const file = join(temporaryHome(t), 'usage.sqlite')
  const { usage, count, spool } = await start(t, file)
  void usage.record(row())
  await until(() => spool.length === 0)
  const other = new DatabaseSync(file)
  atEnd(t, async () => other.close())
  other.exec('begin exclusive')
  const begin = performance.now()
  for (let i = 0; i < 100; i++) void usage.record(row())
  const ms = performance.now() - begin
  assert.ok(ms < patience(400), `${ms} ms`)
  await until(async () => (await count()) === 101)
  assert.match(usage.health().warnings![0]!, /in use by another process/)
  other.exec('rollback')
  await until(() => usage.health().warnings?.length === 0)
})

test('a spool that is damaged is kept for a person to read, and a new one is begun', async (t) => {
  const folder = temporaryHome(t)
  const file = join(folder, 'usage.sqlite')
  writeFileSync(file, 'this has never been a database '.repeat(1000))
  const { usage, count, lines } = await start(t, file)
  void usage.record(row())
  await until(async () => (await count()) === 1)
  assert.equal(readdirSync(folder).filter((name) => name.includes('.damaged-')).length, 1)
  await until(() => usage.health().warnings?.length === 0)
  assertNoForbiddenWords(lines)
})

test(
  'usage of a gateway that stops while nothing takes it is counted as lost',
  { skip: NO_SMALL_DISK },
  async (t) => {
    const disk = smallDisk(t, 1)
    const { url, usage, lines } = await start(t, join(disk.folder, 'usage.sqlite'))
    const server = await testPostgres()
    disk.fill()
    await server.sql(url, 'alter table requests rename to elsewhere')
    const before = await lost()
    for (let i = 0; i < 5; i++) void usage.record(row())
    await usage.stop()
    assert.equal(await lost(), before + 5)
    const [said] = lines.filter(({ msg }) => /usage is lost/.test(String(msg)))
    assert.equal(said?.['rows'], 5)
  }
)
