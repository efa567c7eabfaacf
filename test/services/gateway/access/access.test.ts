/** Two gateways on one store: tokens, tenants, limits and budgets are the same at both. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type { CreateToken } from '#shared/contracts/access/access.ts'
import { toHaifError } from '#shared/errors.ts'
import { silentLogger } from '#shared/process/log.ts'
import { RedisState } from '#shared/store/redis-state.ts'
import type { Store } from '#shared/store/store.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { Access, type AccessDeps } from '../../../../services/gateway/access/access.ts'
import { mintToken } from '../../../../services/gateway/access/token-text.ts'
import { Callers } from '../../../../services/gateway/admit.ts'
import type { AdmittedRequest } from '../../../../services/gateway/admitted-request.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { testPostgres } from '../../../helpers/stores/postgres.ts'
import { NO_REDIS, TestRedis } from '../../../helpers/stores/redis.ts'
import { openStore, STORE_KINDS, startPostgresStore } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'

const actor = { actor: 'test', requestId: 'r' }
const pepper = randomBytes(32)

async function accessOn(t: TestContext, store: Store, given: Partial<AccessDeps> = {}) {
  const log = silentLogger()
  const access = new Access({ store, pepper, maxConcurrentPerCaller: 1000, log, ...given })
  atEnd(t, () => access.stop())
  await access.start()
  return access
}

const showing = (token: string | undefined): ServerContext =>
  ({
    presented: token === undefined ? undefined : { token },
    peer: { key: 'k', role: 'bridge' }
  }) as ServerContext

const whoIs = (access: Access, token?: string) => access.authenticate(showing(token))
const refusal = (access: Access, token?: string) =>
  whoIs(access, token).then(
    () => 'let in',
    (error: unknown) => toHaifError(error).message
  )

async function make(access: Access, given: Partial<CreateToken> = {}) {
  return access.stored.admin.createToken({ tenant: 'a', ...given }, actor)
}

for (const { name, start } of STORE_KINDS) {
  test(`tokens on ${name}: made, found, expired, rotated, revoked`, async (t) => {
    const { store } = await start(t)
    const clock = { now: Date.now() }
    const access = await accessOn(t, store, { now: () => clock.now })
    assert.equal((await whoIs(access)).tenant, 'local')
    assert.equal((await whoIs(access, 'sk-anything')).tenant, 'local')
    const made = await make(access, { limits: { requestsPerMinute: 5 }, expiresInMs: 60_000 })
    const principal = await whoIs(access, made.secret)
    assert.deepEqual([principal.tenant, principal.limits], ['a', { requestsPerMinute: 5 }])
    assert.match(await refusal(access), /a token is needed/)
    assert.match(await refusal(access, 'sk-anything'), /not known/)
    assert.match(await refusal(access, mintToken('user').text), /not known/)
    const wrong = `${made.secret.slice(0, -4)}AAAA`
    assert.match(await refusal(access, wrong), /not known/)
    const rotated = await access.stored.admin.rotateToken(made.token.id, actor)
    assert.match(await refusal(access, made.secret), /was revoked/)
    assert.equal((await whoIs(access, rotated.secret)).tenant, 'a')
    clock.now += 60_000
    assert.match(await refusal(access, rotated.secret), /has expired/)
    await access.stored.admin.revokeToken(rotated.token.id, actor)
    // All are revoked, and still nobody is let in without one.
    assert.match(await refusal(access), /a token is needed/)
    const rows = JSON.stringify(await store.query('select * from tokens'))
    assert.ok(!rows.includes(made.secret.slice(-30)))
    assert.deepEqual((await access.stored.audit.verify()).problems, [])
  })
}

test('a token made or revoked at one gateway is good or refused at the other', async (t) => {
  const { store, url } = await startPostgresStore(t)
  const [one, two] = [await accessOn(t, store), await accessOn(t, await openStore(t, url))]
  const made = await make(one)
  assert.equal((await whoIs(two, made.secret)).tenant, 'a')
  await one.stored.admin.revokeToken(made.token.id, actor)
  await until(async () => (await refusal(two, made.secret)).includes('revoked'), 2000)
})

test('a revocation is noticed within two seconds also when its notice is lost', async (t) => {
  const { store, url } = await startPostgresStore(t)
  const other = await openStore(t, url)
  const deaf: Store = Object.assign(Object.create(other) as Store, {
    query: other.query.bind(other),
    transaction: other.transaction.bind(other),
    notify: other.notify.bind(other),
    listen: async () => async () => {}
  })
  const [one, two] = [await accessOn(t, store), await accessOn(t, deaf)]
  const made = await make(one)
  assert.equal((await whoIs(two, made.secret)).tenant, 'a')
  await one.stored.admin.revokeToken(made.token.id, actor)
  await until(async () => (await refusal(two, made.secret)).includes('revoked'), 2000)
})

test('limits of a tenant, and what it has used of its budget, are those of all gateways', async (t) => {
  const { store, url } = await startPostgresStore(t)
  const [one, two] = [await accessOn(t, store), await accessOn(t, await openStore(t, url))]
  const { secret } = await make(one)
  await one.stored.admin.setTenant({ id: 'a', limits: { tokensPerDay: 100, weight: 2 } }, actor)
  const asked = {
    kind: 'embed' as const,
    asked: {},
    charge: {},
    model: undefined,
    promptTokens: 10,
    maxTokens: 10
  }
  const admit = (access: Access) =>
    new Callers({ access, usage: null }).admit(showing(secret), asked)
  const first = await admit(one)
  assert.deepEqual([first.permit.tenant, first.permit.weight], ['a', 2])
  await leave(first, 95)
  await until(async () => {
    const outcome = await admit(two).catch((error: unknown) => toHaifError(error).code)
    if (typeof outcome !== 'string') await leave(outcome, 0)
    return outcome === 'BUDGET_EXHAUSTED'
  })
  await one.stop() // what it has counted is stored, for whoever starts next
  const again = await accessOn(t, await openStore(t, url))
  await assert.rejects(admit(again), { code: 'BUDGET_EXHAUSTED' })
})

test('a gateway with another pepper does not start', async (t) => {
  const { store } = await startPostgresStore(t)
  await accessOn(t, store)
  await assert.rejects(accessOn(t, store, { pepper: randomBytes(32) }), {
    code: 'CONFIG_INVALID',
    message: /another pepper/
  })
})

test('while the database is away known tokens are good', async (t) => {
  const { store, url } = await startPostgresStore(t)
  const made = await make(await accessOn(t, store))
  const access = await accessOn(t, await openStore(t, url))
  const server = await testPostgres()
  await server.stop()
  try {
    assert.equal((await whoIs(access, made.secret)).tenant, 'a')
    assert.match(await refusal(access, mintToken('user').text), /not known/)
  } finally {
    await server.start()
  }
})

test(
  'two gateways, ten clients, 60 a minute: 60 with Redis, and none above when it dies',
  { skip: NO_REDIS },
  async (t) => {
    const { store } = await startPostgresStore(t)
    const redis = new TestRedis()
    atEnd(t, () => redis.stop())
    await redis.start()
    const gateways: Access[] = []
    const states: RedisState[] = []
    for (let i = 0; i < 2; i++) {
      const shared = new RedisState({ url: redis.url, namespace: 't', log: silentLogger() })
      atEnd(t, () => shared.stop())
      await shared.start()
      states.push(shared)
      gateways.push(await accessOn(t, store, { shared }))
    }
    // From then on each knows that the other is there, should Redis be slow.
    await until(() => states.every(({ isShared, replicas }) => isShared && replicas === 2))
    const { secret } = await make(gateways[0]!, { limits: { requestsPerMinute: 60 } })
    const asked = {
      kind: 'embed' as const,
      asked: {},
      charge: {},
      model: undefined,
      promptTokens: 1,
      maxTokens: 1
    }
    const outcomes = new Map<string, number>()
    const ask = async (access: Access) => {
      const outcome = await new Callers({ access, usage: null }).admit(showing(secret), asked).then(
        (admitted) => leave(admitted, 2).then(() => 'granted'),
        (error: unknown) => toHaifError(error).code
      )
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    const client = async (i: number, times: number) => {
      for (let each = 0; each < times; each++) await ask(gateways[(i + each) % 2]!)
    }
    await Promise.all(Array.from({ length: 10 }, (_, i) => client(i, 4)))
    assert.deepEqual([...outcomes], [['granted', 40]])
    await Promise.all(Array.from({ length: 10 }, (_, i) => client(i, 6)))
    const granted = () => outcomes.get('granted') ?? 0
    assert.ok(granted() > 50 && granted() <= 60, `${granted()} granted`)
    await redis.kill()
    await Promise.all(Array.from({ length: 10 }, (_, i) => client(i, 4)))
    assert.ok(granted() <= 60, `${granted()} granted`)
    assert.deepEqual([...outcomes.keys()].toSorted(), ['RATE_LIMITED', 'granted'])
  }
)

async function leave(admitted: AdmittedRequest, used: number): Promise<void> {
  admitted.embedded({ model: 'sim', provider: 'sim', vectors: [], promptTokens: used })
  await admitted[Symbol.asyncDispose]()
}
