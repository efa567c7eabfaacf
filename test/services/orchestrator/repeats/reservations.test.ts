import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import {
  Reservations,
  type ReservationRequest
} from '../../../../services/orchestrator/repeats/reservations.ts'
import { startMesh } from '../../../helpers/mesh/mesh.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { TestPostgres } from '../../../helpers/stores/postgres.ts'
import { openStore, STORE_KINDS, startPostgresStore } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'

const ask: ReservationRequest = {
  tenant: 'a',
  idempotencyKey: 'k',
  fingerprint: 'f',
  isContinued: false
}

for (const kind of STORE_KINDS) {
  test(`I1 I2 I3 I8: one orchestrator runs a request, and the next one when it has ended (${kind.name})`, async (t) => {
    const { store } = await kind.start(t)
    const [one, other] = ['one', 'other'].map(
      (owner) => new Reservations({ store, owner, log: silentLogger() })
    )
    using context = createContext({ requestId: 'r1', timeoutMs: 20_000 })
    const first = await one!.take(ask, context)
    assert.ok(first !== null)
    const [row] = await store.query('select owner, state, request_id from reservations')
    assert.deepEqual(row, { owner: 'one', state: 'running', request_id: 'r1' })

    await assert.rejects(other!.take({ ...ask, fingerprint: 'g' }, context), { code: 'CONFLICT' })
    let hasSecond = false
    const second = other!.take(ask, context).then((taken) => {
      hasSecond = true
      return taken
    })
    using brief = createContext({ timeoutMs: 600 })
    await assert.rejects(other!.take(ask, brief)) // it is still waiting at its deadline
    assert.equal(hasSecond, false)
    first.failed()
    assert.ok((await second) !== null)
    // Another tenant's key is another key.
    assert.ok((await one!.take({ ...ask, tenant: 'b', fingerprint: 'g' }, context)) !== null)
  })
}

test('I6 I7: an owner that is restarted finds its reservations, and a continuation takes over at once', async (t) => {
  const { store } = await startPostgresStore(t)
  const [one, other] = ['one', 'other'].map(
    (owner) => new Reservations({ store, owner, log: silentLogger() })
  )
  using context = createContext({ timeoutMs: 20_000 })
  await one!.take(ask, context) // and then it dies
  const again = new Reservations({ store, owner: 'one', log: silentLogger() })
  const taken = await again.take(ask, context)
  assert.ok(taken !== null)

  atEnd(t, () => again.stop())
  await again.start()
  assert.ok((await other!.take({ ...ask, isContinued: true }, context)) !== null)
  await until(() => taken.isFenced)
  taken.answered() // too late: it says nothing of the run that took over
  const [row] = await store.query<{ owner: string }>('select owner, state from reservations')
  assert.deepEqual(row, { owner: 'other', state: 'running' })
})

test('I6 I7: a lease that has run out goes to the next one, and its owner notices', async (t) => {
  const { store } = await startPostgresStore(t)
  const [one, other] = ['one', 'other'].map(
    (owner) => new Reservations({ store, owner, log: silentLogger() })
  )
  using context = createContext({ timeoutMs: 20_000 })
  const first = await one!.take(ask, context)
  await store.query(`update reservations set leased_until = now() - interval '1 ms'`)
  const second = await other!.take(ask, context)
  atEnd(t, () => one!.stop())
  await one!.start()
  await until(() => first!.isFenced)
  assert.equal(second!.isFenced, false)
  first!.failed() // too late: the row is of the run that took over
  second!.answered()
  await until(async () => (await rows(store))[0]?.state === 'answered')
  assert.deepEqual(await rows(store), [{ owner: 'other', state: 'answered', run: 2 }])
})

test('I11: without the database it is as without reservations', async (t) => {
  const server = new TestPostgres()
  await server.create()
  atEnd(t, () => server.end())
  const store = await openStore(t, await server.freshDatabase())
  await server.stop('SIGQUIT')
  const reservations = new Reservations({ store, owner: 'one', log: silentLogger() })
  using context = createContext({ timeoutMs: 20_000 })
  assert.equal(await reservations.take(ask, context), null)
})

test('I1: a request that another orchestrator runs is not run beside it', async (t) => {
  const { store } = await startPostgresStore(t)
  const mesh = await startMesh(t, { store, workers: [{ decodeTokensPerSecond: 20 }] })
  const keyed = { prompt: 'one', maxTokens: 20, tenantId: 'a', idempotencyKey: 'k' }
  const first = mesh.infer(keyed)
  await until(async () => (await store.query('select 1 from reservations')).length === 1)
  await assert.rejects(mesh.infer({ ...keyed, prompt: 'other' }), { code: 'CONFLICT' })
  const [answer, repeat] = await Promise.all([first, mesh.infer(keyed)])
  assert.equal(repeat.text, answer.text)
  assert.equal(repeat.end.repeated, true)
  await until(async () => {
    const [row] = await store.query<{ state: string; run: number }>(
      'select state, run from reservations'
    )
    return row!.state === 'answered' && row!.run === 1
  })
})

const rows = (store: Store) =>
  store.query<{ owner: string; state: string; run: number }>(
    'select owner, state, run from reservations'
  )
