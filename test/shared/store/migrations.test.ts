import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { loadMigrations, type Migration } from '#shared/store/migrations.ts'
import { checkDatabaseUrl, PostgresStore } from '#shared/store/postgres-store.ts'
import { freshDatabase, testPostgres } from '../../helpers/stores/postgres.ts'
import { openStore } from '../../helpers/stores/stores.ts'

const migration = (number: number, sql: string): Migration => ({
  number,
  name: `000${number}-test.sql`,
  sql,
  digest: hash('sha256', sql)
})

test('stores that start together migrate once', async (t) => {
  const url = await freshDatabase()
  const migrations = [
    migration(1, 'create table a (id integer); insert into a values (1);'),
    migration(2, 'alter table a add column more text; select pg_sleep(0.05);')
  ]
  const [store] = await Promise.all([0, 1, 2, 3].map(() => openStore(t, url, migrations)))
  assert.deepEqual(await store!.query('select * from a'), [{ id: 1, more: null }])
})

test('a migration that was changed after it was applied stops the start', async (t) => {
  const url = await freshDatabase()
  await openStore(t, url, [migration(1, 'create table a (id integer)')])
  await assert.rejects(openStore(t, url, [migration(1, 'create table a (id bigint)')]), {
    code: 'SCHEMA_MISMATCH',
    message: /0001-test.sql was changed after it was applied/
  })
})

test('a database of a newer HAIF stops the start', async (t) => {
  const url = await freshDatabase()
  await openStore(t, url, [migration(1, 'create table a (id integer)'), migration(2, 'select 1')])
  await assert.rejects(openStore(t, url, [migration(1, 'create table a (id integer)')]), {
    code: 'SCHEMA_MISMATCH',
    message: /made by HAIF \d\S+, a newer one \(it has 0002-test.sql\)/
  })
})

test('a migration that fails leaves nothing behind', async (t) => {
  const url = await freshDatabase()
  const broken = migration(2, 'create table b (id integer); select nonsense')
  const first = migration(1, 'create table a (id integer)')
  await assert.rejects(openStore(t, url, [first, broken]), /nonsense/)
  const store = await openStore(t, url, [first])
  const rows = await store.query("select to_regclass('b') as b")
  assert.deepEqual(rows, [{ b: null }])
})

test('the migrations of this HAIF have one number each', () => {
  const numbers = loadMigrations().map(({ number }) => number)
  assert.ok(numbers.length > 0)
  assert.equal(new Set(numbers).size, numbers.length)
})

test('what cannot be reached is said in a sentence', async () => {
  const log = silentLogger()
  const server = await testPostgres()
  const start = async (url: string) => {
    const store = new PostgresStore({ url, log, startMsMax: 0 })
    try {
      await store.start()
    } finally {
      await store.stop()
    }
  }
  await assert.rejects(start('postgres://haif@127.0.0.1:1/haif'), {
    code: 'STORE_UNAVAILABLE',
    message: /127.0.0.1:1 .*cannot be reached/
  })
  await assert.rejects(start(server.url('nowhere')), {
    code: 'CONFIG_INVALID',
    message: /database nowhere\) does not have this database .*create it/
  })
  assert.throws(() => checkDatabaseUrl('mysql://localhost/haif'), { code: 'CONFIG_INVALID' })
})
