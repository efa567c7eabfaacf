/** The audit on a real Postgres: whole under concurrent writers, and any hand in it is found. */
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Store } from '#shared/store/store.ts'
import { CheckpointKey } from '../../../../services/gateway/audit/audit-chain.ts'
import { Audit } from '../../../../services/gateway/audit/audit.ts'
import { JsonCheckpoints } from '../../../../services/gateway/audit/checkpoint-file.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { testPostgres } from '../../../helpers/stores/postgres.ts'
import { openStore, startPostgresStore } from '../../../helpers/stores/stores.ts'

const EVENTS = 8

await testPostgres() // before the tests, so that it ends after all of them

async function setUp(t: TestContext) {
  const { store, url } = await startPostgresStore(t)
  const key = new CheckpointKey(createSecretKey(randomBytes(32)))
  const checkpoints = new JsonCheckpoints(join(temporaryHome(t), 'audit.json'))
  const auditOn = (on: Store) => new Audit({ store: on, key, checkpoints, now: Date.now })
  const audit = auditOn(store)
  const write = (target: string, chain = 'a', by = audit) =>
    by.write({
      chain,
      actor: 'someone',
      action: 'token.create',
      target,
      result: 'ok',
      requestId: 'r',
      details: { b: 1, a: target }
    })
  return { store, url, audit, auditOn, write }
}

async function written(t: TestContext) {
  const found = await setUp(t)
  for (let i = 1; i <= EVENTS; i++) await found.write(`t${i}`)
  await found.write('other', 'b')
  assert.deepEqual(await found.audit.verify(), { events: EVENTS + 1, chains: 2, problems: [] })
  return found
}

test('every hand in the audit is found, and told where', async (t) => {
  const { store, audit, write } = await written(t)
  const after = async (sql: string): Promise<string[]> => {
    await store.query('create table kept as select * from audit_events')
    await store.query(sql)
    const { problems } = await audit.verify()
    await store.query(
      'delete from audit_events; insert into audit_events select * from kept; drop table kept'
    )
    assert.deepEqual((await audit.verify()).problems, [])
    return problems.map(({ chain, seq, problem }) => `${chain} ${seq} ${problem}`)
  }
  const changed = 'was changed, moved or exchanged after it was written'
  for (const edit of [`actor = 'x'`, `target = 'x'`, `at_ms = at_ms + 1`, `details = '{}'`]) {
    const found = await after(`update audit_events set ${edit} where chain = 'a' and seq = 3`)
    assert.deepEqual(found, [`a 3 ${changed}`])
  }
  assert.deepEqual(await after(`delete from audit_events where chain = 'a' and seq = 4`), [
    'a 4 is missing'
  ])
  assert.deepEqual(await after(`delete from audit_events where chain = 'a' and seq = 1`), [
    'a 1 is missing'
  ])
  const swap = `update audit_events set seq = case seq when 5 then -6 else -5 end
    where chain = 'a' and seq in (5, 6); update audit_events set seq = -seq where seq < 0`
  const swapped = await after(swap)
  assert.deepEqual(swapped.slice(0, 2), [`a 5 ${changed}`, `a 6 ${changed}`])
  assert.deepEqual(await after(`delete from audit_events where chain = 'a' and seq > 6`), [
    'a 7 was signed, and the last 2 of the chain are missing'
  ])
  assert.deepEqual(await after(`delete from audit_events where chain = 'b'`), [
    'b 1 was signed, and the last 1 of the chain are missing'
  ])
  await write('later')
  assert.deepEqual((await audit.verify()).problems, [])
})

test('an end that was cut off together with its checkpoint is found by the one outside', async (t) => {
  const { store, audit, write } = await written(t)
  const [before] = await store.query<{
    seq: number
    hash: string
    at_ms: number
    signature: string
  }>(`select * from audit_checkpoints where chain = 'a'`)
  await write('hidden')
  await store.query(`delete from audit_events where chain = 'a' and seq = $1`, [EVENTS + 1])
  const { seq, hash, at_ms, signature } = before!
  await store.query(
    `update audit_checkpoints set seq = $1, hash = $2, at_ms = $3, signature = $4 where chain = 'a'`,
    [seq, hash, at_ms, signature]
  )
  assert.match((await audit.verify()).problems[0]!.problem, /was signed, and the last 1/)
})

test('a chain that was computed anew is not the one that was signed', async (t) => {
  const { store, audit } = await written(t)
  await store.query('delete from audit_events; delete from audit_checkpoints')
  const forger = new Audit({
    store,
    key: new CheckpointKey(createSecretKey(randomBytes(32))),
    checkpoints: { put: async () => {}, all: async () => new Map() },
    now: Date.now
  })
  const forged = { chain: 'a', actor: 'x', action: 'y', target: 'z', requestId: 'r' }
  for (let i = 0; i < EVENTS; i++) await forger.write({ ...forged, result: 'ok' })
  const problems = (await audit.verify()).problems.map(({ problem }) => problem)
  assert.ok(problems.some((problem) => problem.includes('not signed with the key')))
  assert.ok(problems.some((problem) => problem.includes('is not the one that was signed')))
})

test('writers at several gateways never fork a chain', async (t) => {
  const { url, audit, auditOn, write } = await setUp(t)
  const others = [auditOn(await openStore(t, url)), auditOn(await openStore(t, url)), audit]
  const writes = Array.from({ length: 60 }, (_, i) => write(`t${i}`, 'a', others[i % 3]))
  await Promise.all(writes)
  assert.deepEqual(await audit.verify(), { events: 60, chains: 1, problems: [] })
})

test('the audit is read by action, actor, tenant and time, in pages', async (t) => {
  const { audit, write } = await written(t)
  await write('last', 'mesh')
  const page = await audit.list({ tenant: 'a', limit: 3, offset: 1 })
  assert.equal(page.total, EVENTS)
  assert.deepEqual(
    page.events.map(({ target }) => target),
    ['t7', 't6', 't5']
  )
  assert.deepEqual(page.events[0]!.details, { a: 't7', b: 1 })
  assert.equal((await audit.list({ action: 'none' })).total, 0)
  assert.equal((await audit.list({ actor: 'someone', result: 'ok' })).total, EVENTS + 2)
  assert.equal((await audit.list({ from: Date.now() + 60_000 })).total, 0)
})
