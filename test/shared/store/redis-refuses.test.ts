/** A Redis that is there and cannot be used: HAIF goes on without it, and says why it does. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { RedisState } from '#shared/store/redis-state.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { assertNoForbiddenWords } from '../../helpers/forbidden-words.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'
import { atEnd } from '../../helpers/peers/peers.ts'
import { freePort } from '../../helpers/stores/postgres.ts'
import { NO_REDIS, TestRedis } from '../../helpers/stores/redis.ts'
import { until } from '../../helpers/until.ts'

const PER_MINUTE = { key: 'k', amount: 1, max: 5, kind: 'sliding', windowMs: 60_000 } as const
/** A limit that nothing was drawn from: what is used up is refused without a write. */
let drawn = 0
const unused = () => ({ ...PER_MINUTE, key: `unused ${drawn++}` })

async function stateOn(t: TestContext, url: string) {
  const { log, lines } = recordingLogger()
  const namespace = randomBytes(4).toString('hex')
  const state = new RedisState({ url, namespace, log })
  atEnd(t, () => state.stop())
  await state.start()
  return { state, lines, namespace }
}

/** It is said once in the log and in the health, and limits are kept all the same. */
async function assertSays({ state, lines }: Awaited<ReturnType<typeof stateOn>>, says: RegExp) {
  await until(() => says.test(state.health().warnings?.[0] ?? ''))
  assert.ok(state.health().ready)
  for (let i = 0; i < 5; i++) assert.ok((await state.draw([PER_MINUTE])).granted)
  assert.equal((await state.draw([PER_MINUTE])).granted, false)
  const told = lines.filter(({ msg }) => /each process goes on by itself/.test(String(msg)))
  assert.ok(told.some(({ reason }) => says.test(String(reason))))
  assert.ok(told.length <= 2, JSON.stringify(told))
  assertNoForbiddenWords(lines, state.health())
}

test('a Redis that refuses', { skip: NO_REDIS, concurrency: true }, async (t) => {
  const redis = new TestRedis()
  await redis.start()
  atEnd(t, () => redis.stop())
  await redis.command('acl', 'setuser', 'app', 'on', '>secret', '~*', '&*', '+@all')
  await redis.command('acl', 'setuser', 'weak', 'on', '>secret', '~*', '&*', '+@all', '-@scripting')
  await redis.command('acl', 'setuser', 'reader', 'on', '>secret', '~other:*', '+@all')
  const as = (user: string, path = '') => redis.url.replace('//', `//${user}@`) + path

  const cases: [string, string, RegExp][] = [
    ['a wrong password', as('app:wrong'), /does not let us in: correct user and password/],
    ['a user that there is not', as('nobody:secret'), /does not let us in: correct user/],
    ['no right to run scripts', as('weak:secret'), /does not give this user the rights.*\+@all/],
    ['no right to our keys', as('reader:secret'), /does not give this user the rights.*haif:\*/],
    ['a database number that it has not', as('app:secret', '/99'), /database number: correct/],
    [
      'TLS to a plain port',
      redis.url.replace('redis:', 'rediss:'),
      /redis: for one that does not speak TLS/
    ],
    ['nobody at its address', 'redis://127.0.0.1:1', /cannot be reached: start it/]
  ]
  for (const [name, url, says] of cases) {
    await t.test(name, async (t) => assertSays(await stateOn(t, url), says))
  }
})

test(
  'a Redis that turns read-only, full, away and back is followed',
  { skip: NO_REDIS },
  async (t) => {
    const folder = temporaryHome(t)
    const redis = new TestRedis(['--dir', folder])
    await redis.start()
    atEnd(t, () => redis.stop())
    const made = await stateOn(t, redis.url)
    assert.ok(made.state.isShared)
    await redis.command('replicaof', '127.0.0.1', '1')
    await assertSays(made, /read-only replica: give REDIS_URL the primary/)
    await redis.command('replicaof', 'no', 'one')
    await until(() => made.state.isShared && made.state.health().warnings === undefined)

    // Its snapshots fail, as on a full disk: it is to be written into a folder that is gone.
    rmSync(folder, { recursive: true })
    await redis.command('config', 'set', 'save', '3600 1')
    await redis.command('bgsave')
    await until(async () => {
      await made.state.draw([unused()])
      return /cannot save.*turn its snapshots off/.test(made.state.health().warnings?.[0] ?? '')
    })
    await redis.command('config', 'set', 'save', '')
    mkdirSync(folder)
    await until(() => made.state.isShared && made.state.health().warnings === undefined)

    await redis.command('config', 'set', 'maxmemory', '1')
    await until(async () => {
      await made.state.draw([unused()])
      return /maxmemory/.test(made.state.health().warnings?.[0] ?? '')
    })
    await redis.kill()
    await until(() => /cannot be reached/.test(made.state.health().warnings?.[0] ?? ''))
    await redis.start()
    await until(() => made.state.isShared)
    assertNoForbiddenWords(made.lines)
  }
)

/** The port of its bus is free: Redis would add 10,000 to its own, which may be too many. */
async function clusterNode(t: TestContext) {
  const busPort = String(await freePort())
  const file = join(temporaryHome(t), 'nodes.conf')
  const flags = ['--cluster-enabled', 'yes', '--cluster-config-file', file]
  const redis = new TestRedis([...flags, '--cluster-port', busPort])
  atEnd(t, () => redis.stop())
  await redis.start()
  return { redis, busPort }
}

test('a cluster', { skip: NO_REDIS }, async (t) => {
  const { redis } = await clusterNode(t)
  await assertSays(await stateOn(t, redis.url), /is a cluster: give REDIS_URL a single Redis/)
})

test('a node of a cluster whose slots another one has', { skip: NO_REDIS }, async (t) => {
  const asked = await clusterNode(t)
  const other = await clusterNode(t)
  await other.redis.command('cluster', 'addslotsrange', '0', '16383')
  const { port } = new URL(other.redis.url)
  await asked.redis.command('cluster', 'meet', '127.0.0.1', port, other.busPort)
  const { redis } = asked
  await until(async () => /cluster_state:ok/.test(String(await redis.command('cluster', 'info'))))
  assert.match(await redis.command('get', 'x').then(String, String), /MOVED/)
  await assertSays(await stateOn(t, redis.url), /is a cluster: give REDIS_URL a single Redis/)
})

test('a Redis that asks for a password from now on', { skip: NO_REDIS }, async (t) => {
  const redis = new TestRedis()
  atEnd(t, () => redis.stop())
  await redis.start()
  await redis.command('config', 'set', 'requirepass', 'secret')
  await assertSays(await stateOn(t, redis.url), /does not let us in: correct user and password/)
})
