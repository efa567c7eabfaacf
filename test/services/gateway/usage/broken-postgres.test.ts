/**
 * A real Postgres that deadlocks, has no memory left for a lock, or has a broken page on its disk:
 * no row is lost, and each is told by its name.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import pg from 'pg'
import { SpoolClient } from '../../../../services/gateway/usage/spool-client.ts'
import { begunRow, SYSTEM_CLOCKS } from '../../../../services/gateway/usage/usage-meter.ts'
import { UsageWriter } from '../../../../services/gateway/usage/usage-writer.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { assertNoForbiddenWords } from '../../../helpers/forbidden-words.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { TestPostgres } from '../../../helpers/stores/postgres.ts'
import { until } from '../../../helpers/until.ts'

async function ownServer(t: TestContext): Promise<TestPostgres> {
  const server = new TestPostgres()
  await server.create()
  atEnd(t, () => server.end())
  return server
}

async function startUsage(t: TestContext, url: string) {
  const { log, lines } = recordingLogger()
  const store = new PostgresStore({ url, log, startMsMax: 5000 })
  atEnd(t, () => store.stop())
  await store.start()
  const spool = new SpoolClient(join(temporaryHome(t), 'usage.sqlite'), 10_000)
  const usage = new UsageWriter({ store, spool, log })
  atEnd(t, () => usage.stop())
  await usage.start()
  const record = () =>
    usage.record(
      begunRow(
        { usageId: randomUUID(), requestId: randomUUID(), tenantId: 'a', tokenId: null },
        'sim',
        'infer',
        SYSTEM_CLOCKS
      )
    )
  const rows = async () => {
    const [row] = await store.query<{ rows: number }>('select count(*) as rows from requests')
    return row!.rows
  }
  const says = (words: RegExp) => usage.health().warnings?.some((each) => words.test(each)) === true
  return { store, usage, record, rows, says, lines }
}

async function session(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {}) // its server is stopped
  await client.connect()
  atEnd(t, () => client.end().catch(() => {}))
  return client
}

const WAITS = `select 1 from pg_locks where locktype = 'advisory' and not granted`
const KEY = 77

/** Takes what waits for a key of this one. False: this one was the victim. */
async function strangle(other: pg.Client): Promise<boolean> {
  await until(async () => (await other.query(WAITS)).rows.length > 0)
  try {
    await other.query('begin; lock table requests in access exclusive mode')
    return true
  } catch (error) {
    assert.equal((error as { code?: string }).code, '40P01')
    return false
  } finally {
    await other.query('rollback')
  }
}

describe('a Postgres that breaks', { concurrency: true }, () => {
  test('in a deadlock with somebody else: it is told, and the row comes', async (t) => {
    const server = await ownServer(t)
    const url = await server.freshDatabase()
    const { record, rows, says, lines } = await startUsage(t, url)
    const other = await session(t, url)
    // Whoever writes a row waits for this key, and has the table meanwhile.
    await other.query(`create function wait_for_key() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(${KEY}); return new; end $$`)
    await other.query(
      `create trigger wait before insert on requests execute function wait_for_key()`
    )
    await other.query(`set deadlock_timeout = '20s'`)
    await other.query(`select pg_advisory_lock(${KEY})`)
    await record()
    await until(
      async () => (await strangle(other)) && says(/is busy \(deadlock detected\)/),
      30_000
    )
    await other.query(`select pg_advisory_unlock_all()`)
    await until(async () => (await rows()) === 1)
    await until(() => !says(/./))
    assertNoForbiddenWords(lines)
  })

  test('for want of memory, and with a broken page: no row is lost', async (t) => {
    const server = await ownServer(t)
    const url = await server.freshDatabase()
    const { store, record, rows, says, lines } = await startUsage(t, url)
    await record()
    await until(async () => (await rows()) === 1)

    const other = await session(t, url)
    await other.query(`do $$ begin
      for i in 1..1000000 loop perform pg_advisory_lock(i); end loop;
      exception when out_of_memory then null; end $$`)
    await record()
    await until(() => says(/has no more memory \(out of shared memory\)/))
    await other.end()
    await until(async () => (await rows()) === 2)
    await until(() => !says(/./))

    await store.query('checkpoint')
    const [{ path } = { path: '' }] = await store.query<{ path: string }>(
      `select pg_relation_filepath('requests') as path`
    )
    await server.stop()
    const before = server.overwrite(path, Buffer.alloc(8192, 0x5a))
    await server.start()
    await record()
    await until(() => says(/is damaged.*\(invalid page in block 0.*copy what can still be read/))
    await server.stop()
    server.overwrite(path, before)
    await server.start()
    await until(async () => (await rows().catch(() => 0)) === 3)
    await until(() => !says(/./))
    assert.ok(!lines.some(({ msg }) => /lost/.test(String(msg))))
    assertNoForbiddenWords(lines)
  })
})
