/**
 * A Postgres that is there and refuses: read-only, full, locked, without rights, with another
 * password. Nobody who uses the store loses a row, lets a stranger in, or hides the cause.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { silentLogger } from '#shared/process/log.ts'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import { createContext } from '#shared/rpc/context.ts'
import pg from 'pg'
import { Access } from '../../services/gateway/access/access.ts'
import { BudgetKeeper } from '../../services/gateway/access/budget-keeper.ts'
import { Budgets } from '../../services/gateway/access/budgets.ts'
import { begunRow, SYSTEM_CLOCKS } from '../../services/gateway/usage/usage-meter.ts'
import { SpoolClient } from '../../services/gateway/usage/spool-client.ts'
import { UsageWriter } from '../../services/gateway/usage/usage-writer.ts'
import { Reservations } from '../../services/orchestrator/repeats/reservations.ts'
import { PeerRecorder } from '../../services/registry/peers/peer-recorder.ts'
import { temporaryHome } from '../helpers/cli.ts'
import { assertNoForbiddenWords } from '../helpers/forbidden-words.ts'
import { recordingLogger } from '../helpers/peers/peer-log.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { testPostgres, type TestPostgres } from '../helpers/stores/postgres.ts'
import { NO_SMALL_DISK, smallDisk } from '../helpers/stores/small-disk.ts'
import { within } from '#shared/kit/within.ts'
import { until } from '../helpers/until.ts'

const WRITTEN = ['requests', 'peers', 'machines', 'tokens', 'tenants', 'reservations', 'budget_use']

interface Refusal {
  name: string
  trouble: 'away' | 'refuses us' | 'refuses writes'
  /** What a person is told. */
  says: RegExp
  begin: (server: TestPostgres, url: string, t: TestContext) => Promise<void>
  end: (server: TestPostgres, url: string) => Promise<void>
}

const database = (url: string) => new URL(url).pathname.slice(1)
const user = (url: string) => new URL(url).username

/** Holds locks on the tables until the end of the refusal. */
const lockers = new Map<string, pg.Client>()

const REFUSALS: Refusal[] = [
  {
    name: 'read-only, as a managed one at 95 % of its disk',
    trouble: 'refuses writes',
    says: /is read-only .*make it writable again/,
    async begin(server, url) {
      await server.sql(
        url,
        `alter database ${database(url)} set default_transaction_read_only = on`
      )
      await throwOut(server, url)
    },
    async end(server, url) {
      await server.sql(url, `set transaction read write; alter database ${database(url)} reset all`)
      await throwOut(server, url)
    }
  },
  {
    name: 'without the right to write',
    trouble: 'refuses us',
    says: /does not give this user the rights.*grant/,
    begin: (server, url) =>
      server.sql(
        url,
        `revoke insert, update, delete on all tables in schema public from ${user(url)}`
      ),
    end: (server, url) =>
      server.sql(url, `grant all on all tables in schema public to ${user(url)}`)
  },
  {
    name: 'with another password',
    trouble: 'refuses us',
    says: /does not let this user in: correct user and password/,
    async begin(server, url) {
      await server.sql(url, `alter user ${user(url)} password 'rotated'`)
      await throwOut(server, url)
    },
    end: (server, url) => server.sql(url, `alter user ${user(url)} password 'first'`)
  },
  {
    name: 'without a connection free',
    trouble: 'away',
    says: /has no connection free.*max_connections/,
    async begin(server, url) {
      await server.sql(url, `alter user ${user(url)} connection limit 0`)
      await throwOut(server, url)
    },
    end: (server, url) => server.sql(url, `alter user ${user(url)} connection limit -1`)
  },
  {
    name: 'locked for longer than it lets wait',
    trouble: 'away',
    says: /is busy .*tried again/,
    async begin(server, url) {
      await server.sql(url, `alter user ${user(url)} set lock_timeout = '20ms'`)
      await throwOut(server, url)
      const locker = new pg.Client(server.url(database(url)))
      await locker.connect()
      await locker.query(`begin; lock table ${WRITTEN.join(', ')} in share mode`)
      lockers.set(url, locker)
    },
    end: async (_server, url) => lockers.get(url)!.end()
  },
  {
    name: 'that breaks off each write as a deadlock',
    trouble: 'away',
    says: /is busy .*tried again/,
    begin: (server, url) => raising(server, url, '40P01'),
    end: lowering
  },
  {
    name: 'whose memory is used up',
    trouble: 'away',
    says: /has no more memory/,
    begin: (server, url) => raising(server, url, '53200'),
    end: lowering
  },
  {
    name: 'whose files are damaged',
    trouble: 'refuses writes',
    says: /is damaged.*copy what can still be read/,
    begin: (server, url) => raising(server, url, 'XX001'),
    end: lowering
  },
  {
    name: 'whose tables are of another version',
    trouble: 'refuses us',
    says: /does not have the tables of this HAIF.*migrate/,
    begin: (server, url) => renamed(server, url, ''),
    end: (server, url) => renamed(server, url, '_gone')
  }
]

/** Those who are being let in; nobody has listed them yet, but each holds its transaction. */
const ENTERING = `select pid from pg_locks where locktype = 'virtualxid' and not exists (
  select from pg_stat_activity listed where listed.pid = pg_locks.pid
  and (usename is not null or backend_type <> 'client backend'))`
/** What letting somebody in takes at most, on a busy machine. */
const ENTER_MS_MAX = 3000
const THROW_OUT = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and usename like 'app_%'`

/** Throws the users of a database out, with those who were being let in by what held before. */
async function throwOut(server: TestPostgres, url: string): Promise<void> {
  const client = new pg.Client(server.url(database(url)))
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>(ENTERING)
    const pids = rows.map(({ pid }) => pid)
    const stillEntering = `${ENTERING} and pid = any($1)`
    const areIn = async () => (await client.query(stillEntering, [pids])).rows.length === 0
    await within(
      ENTER_MS_MAX,
      until(areIn).catch(() => {})
    ) // one that never is holds nothing up
    await client.query(THROW_OUT)
  } finally {
    await client.end()
  }
}

async function raising(server: TestPostgres, url: string, code: string): Promise<void> {
  const raise = `raise exception 'as if' using errcode = '${code}'`
  await server.sql(
    url,
    `create or replace function refuse() returns trigger language plpgsql as $$ begin ${raise}; end $$`
  )
  for (const table of WRITTEN) {
    await server.sql(
      url,
      `create trigger refuse before insert or update on ${table} execute function refuse()`
    )
  }
}

async function lowering(server: TestPostgres, url: string): Promise<void> {
  for (const table of WRITTEN) await server.sql(url, `drop trigger refuse on ${table}`)
}

async function renamed(server: TestPostgres, url: string, suffix: string): Promise<void> {
  for (const table of ['requests', 'peers', 'reservations', 'budget_use', 'tenants']) {
    const to = suffix === '' ? `${table}_gone` : table
    await server.sql(url, `alter table ${table}${suffix} rename to ${to}`)
  }
}

/** A user that owns its tables nowhere, so that rights can be taken from it. */
async function appDatabase(server: TestPostgres): Promise<string> {
  const url = new URL(await server.freshDatabase())
  const name = `app_${randomBytes(4).toString('hex')}`
  await server.sql(url.href, `create user ${name} password 'first'`)
  const migrating = new PostgresStore({ url: url.href, log: silentLogger() })
  await migrating.start()
  await migrating.stop()
  await server.sql(url.href, `grant all on all tables in schema public to ${name}`)
  await server.askForPassword(name)
  return Object.assign(url, { username: name, password: 'first' }).href
}

async function startUsers(t: TestContext, url: string) {
  const { log, lines } = recordingLogger()
  const store = new PostgresStore({ url, log, startMsMax: 5000 })
  atEnd(t, () => store.stop())
  await store.start()
  const spool = new SpoolClient(join(temporaryHome(t), 'usage.sqlite'), 10_000)
  const usage = new UsageWriter({ store, spool, log })
  const peers = new PeerRecorder({ store, log, writeMs: 50 })
  const reservations = new Reservations({ store, owner: 'o'.repeat(64), log })
  const access = new Access({ store, pepper: randomBytes(32), maxConcurrentPerCaller: 100, log })
  const budgets = new Budgets(Date.now)
  const keeper = new BudgetKeeper({ store, budgets, now: Date.now, log })
  for (const service of [usage, peers, reservations, keeper, access]) {
    atEnd(t, () => service.stop())
    await service.start()
  }
  return { store, usage, spool, peers, reservations, access, budgets, lines }
}

const usageRow = () =>
  begunRow(
    { usageId: randomUUID(), requestId: randomUUID(), tenantId: 'a', tokenId: null },
    'sim',
    'infer',
    SYSTEM_CLOCKS
  )

const countOf = async (store: PostgresStore, table: string) => {
  const [row] = await store.query<{ count: number }>(`select count(*) as count from ${table}`)
  return row!.count
}

const operator = { actor: 'test', requestId: 'r' }
const report = { host: 'h', version: '0' }

/** A repeat's reservation; null when the database does not keep it. */
async function reserve(reservations: Reservations, idempotencyKey: string) {
  using context = createContext({ timeoutMs: 10_000 })
  const asked = { tenant: 'a', idempotencyKey, fingerprint: 'f', isContinued: false }
  return await reservations.take(asked, context)
}

// Most of the time they wait for what happens each second.
describe('a Postgres that refuses', { concurrency: 6 }, () => {
  for (const { name, trouble, says, begin, end } of REFUSALS) {
    test(`a Postgres ${name}: nothing is lost, and the cause is told`, async (t) => {
      const server = await testPostgres()
      const url = await appDatabase(server)
      const { store, usage, spool, peers, reservations, access, budgets, lines } = await startUsers(
        t,
        url
      )
      const { secret } = await access.stored.admin.createToken({ tenant: 'a' }, operator)
      void usage.record(usageRow())
      await until(async () => (await countOf(store, 'requests')) === 1)

      await begin(server, url, t)
      for (let i = 0; i < 5; i++) void usage.record(usageRow())
      peers.record('p'.repeat(64), 'worker', report)
      budgets.reserve(['tenant/a'], 10)(10)
      assert.equal(await reserve(reservations, 'while'), null)
      assert.match(reservations.warnings()[0]!, says)
      const refused = await access.stored.admin
        .createToken({ tenant: 'b' }, operator)
        .catch((error: unknown) => error)
      assert.ok(refused instanceof HaifError)
      assert.equal(refused.code, 'STORE_UNAVAILABLE')
      assert.equal(refused.details?.['trouble'], trouble)
      assert.match(refused.message, says)
      await until(() => usage.health().warnings?.some((each) => says.test(each)) === true)
      await until(() => says.test(peers.warnings().warnings?.[0] ?? ''))
      assert.equal(spool.length, 5)
      const shown = { token: secret, fromBeyond: false }
      assert.equal((await access.directory.authenticate(shown)).tenant, 'a')
      await assert.rejects(access.directory.authenticate(undefined), { code: 'UNAUTHENTICATED' })

      await end(server, url)
      await until(async () => (await countOf(store, 'requests').catch(() => 0)) === 6)
      await until(async () => (await countOf(store, 'peers')) === 1)
      await until(async () => (await countOf(store, 'budget_use where tokens = 10')) > 0)
      assert.notEqual(await reserve(reservations, 'after'), null)
      await access.stored.admin.createToken({ tenant: 'b' }, operator)
      await until(() => usage.health().warnings?.length === 0 && spool.length === 0)
      assert.deepEqual(
        lines.filter(({ msg }) => /lost/.test(String(msg))),
        []
      )
      assertNoForbiddenWords(lines, refused.message)
    })
  }

  test(
    'a Postgres whose disk is full keeps nobody from an answer, and no row is lost',
    { skip: NO_SMALL_DISK },
    async (t) => {
      const server = await testPostgres()
      const url = await appDatabase(server)
      const disk = smallDisk(t, 4)
      server.giveFolder(disk.folder)
      const space = `space_${randomBytes(4).toString('hex')}`
      await server.sql(url, `create tablespace ${space} location '${disk.folder}'`)
      await server.sql(url, `alter table requests set tablespace ${space}`)
      const { store, usage, lines } = await startUsers(t, url)
      disk.fill()
      const rows = Array.from({ length: 200 }, usageRow)
      for (const row of rows) void usage.record(row)
      const isFull = (text: string) => /has no more room on its disk.*make room there/.test(text)
      await until(() => usage.health().warnings?.some(isFull) === true)
      disk.empty()
      await until(async () => (await countOf(store, 'requests')) === rows.length)
      assertNoForbiddenWords(lines)
    }
  )

  test('a gateway starts on a database that takes no writes, and asks for tokens as before', async (t) => {
    const server = await testPostgres()
    const url = await appDatabase(server)
    const pepper = randomBytes(32)
    const { log, lines } = recordingLogger()
    const open = async () => {
      const store = new PostgresStore({ url, log, startMsMax: 5000 })
      atEnd(t, () => store.stop())
      await store.start()
      const access = new Access({ store, pepper, maxConcurrentPerCaller: 100, log })
      atEnd(t, () => access.stop())
      await access.start()
      return access
    }
    const { secret } = await (await open()).stored.admin.createToken({ tenant: 'a' }, operator)
    await server.sql(url, `alter database ${database(url)} set default_transaction_read_only = on`)
    await throwOut(server, url)
    const access = await open()
    assert.equal(
      (await access.directory.authenticate({ token: secret, fromBeyond: false })).tenant,
      'a'
    )
    await assert.rejects(access.directory.authenticate(undefined), { code: 'UNAUTHENTICATED' })
    assertNoForbiddenWords(lines)
  })

  test('a start that Postgres refuses says what to grant, to free or to correct', async (t) => {
    const server = await testPostgres()
    const url = await appDatabase(server)
    const start = async (at: string) => {
      const store = new PostgresStore({ url: at, log: silentLogger(), startMsMax: 0 })
      atEnd(t, () => store.stop())
      return store.start().then(
        () => 'it starts',
        (error: HaifError) => `${error.code} ${error.message}`
      )
    }
    const empty = new URL(await server.freshDatabase())
    Object.assign(empty, { username: user(url), password: 'first' })
    assert.match(await start(empty.href), /^CONFIG_INVALID .*CREATE on the schema/) // PostgreSQL 15 and later
    const frozen = await server.freshDatabase()
    const readOnly = `alter database ${database(frozen)} set default_transaction_read_only = on`
    await server.sql(frozen, readOnly) // so that not even tables can be made
    assert.match(await start(frozen), /^\w+ .*is read-only .*make it writable again/)
    const wrong = Object.assign(new URL(url), { password: 'wrong' })
    assert.match(await start(wrong.href), /^CONFIG_INVALID .*correct user and password/)
    const none = Object.assign(new URL(url), { password: '' })
    assert.match(await start(none.href), /^CONFIG_INVALID .*correct user and password/)
    assert.match(await start(`${url}?sslmode=require`), /^CONFIG_INVALID .*does not speak TLS/)
    assert.match(
      await start(Object.assign(new URL(url), { pathname: '/no' }).href),
      /^CONFIG_INVALID .*create it/
    )
    await server.sql(url, `alter user ${user(url)} connection limit 0`)
    assert.match(await start(url), /^STORE_UNAVAILABLE .*max_connections/)
  })
})
