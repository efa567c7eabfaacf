/** Whom a follower dials and when, with a DHT and peers that do as they are told. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type DHT from 'hyperdht'
import { HaifError } from '#shared/errors.ts'
import { lookup } from '#shared/mesh/discovery/lookup.ts'
import { failureOf, Follower } from '#shared/mesh/discovery/follower.ts'
import { silentLogger } from '#shared/process/log.ts'
import { until } from '../../../helpers/until.ts'

const keyOf = (n: number) => Buffer.alloc(32, n)
const hexOf = (n: number) => keyOf(n).toString('hex')

class World {
  listed: number[] = []
  /** Listed too, and never reached. */
  strangers: Buffer[] = []
  /** Nodes of the DHT that answer; those that do not keep a lookup open until it is broken off. */
  answers = true
  reachable = true
  hangs = false
  lookups = 0
  readonly dialled: number[] = []
  readonly connected = new Set<string>()
  readonly follower: Follower

  constructor(t: TestContext, lookupMs = 20) {
    const dht = { lookup: () => this.#lookup() } as unknown as DHT
    this.follower = new Follower({
      search: (topic, onKey) => lookup(dht, topic, onKey),
      topics: () => [Buffer.alloc(32)],
      lookupMs,
      isSelf: (key) => key === hexOf(9),
      isConnected: (key) => this.connected.has(key),
      dial: async (publicKey) => {
        this.dialled.push(publicKey[0]!)
        const isStranger = this.strangers.includes(publicKey)
        if (!this.reachable || isStranger) throw new Error('unreachable')
        this.connected.add(publicKey.toString('hex'))
      },
      random: () => 0,
      now: () => performance.now(),
      log: silentLogger()
    })
    this.follower.start()
    t.after(() => this.follower.stop())
  }

  #lookup() {
    this.lookups++
    const keys = [...this.strangers, ...this.listed.map((n) => keyOf(n))]
    const peers = keys.map((publicKey) => ({ publicKey, relayAddresses: [] }))
    const { promise: broken, resolve } = Promise.withResolvers<void>()
    const { answers, hangs } = this
    return {
      successes: answers ? 1 : 0,
      destroy: resolve,
      async *[Symbol.asyncIterator]() {
        if (answers) yield { peers }
        if (hangs) await broken
      }
    }
  }

  lose(n: number): void {
    this.connected.delete(hexOf(n))
    this.follower.lost(hexOf(n))
  }
}

test('who is listed is dialled once, oneself never', async (t) => {
  const world = new World(t)
  world.listed = [1, 9, 2, 1]
  await until(() => world.lookups > 5)
  assert.deepEqual(world.dialled, [1, 2])
})

test('who is named is dialled at once, however long the lookup takes', async (t) => {
  const world = new World(t)
  world.hangs = true
  world.listed = [1]
  await until(() => world.connected.size === 1, 2000)
  assert.equal(world.lookups, 1)
})

test('who was lost is dialled again soon, also when lookups are rare or the DHT is silent', async (t) => {
  const world = new World(t, 60_000)
  world.listed = [1, 2]
  await until(() => world.connected.size === 2)
  world.answers = false
  world.lose(1)
  await until(() => world.dialled.length === 3, 3000)
})

test('a dial that failed is tried again by its own back-off, not by the lookup', async (t) => {
  const world = new World(t, 60_000)
  world.listed = [1]
  await until(() => world.connected.size === 1)
  world.reachable = false
  world.lose(1)
  await until(() => world.dialled.length === 3, 5000) // after 250 ms and 500 ms
})

test('a DHT that lists nobody, as after its restart, does not make a lost peer forgotten', async (t) => {
  const world = new World(t)
  world.listed = [1]
  await until(() => world.connected.size === 1)
  world.listed = []
  world.lose(1)
  await until(() => world.connected.size === 1, 3000)
})

test('who is neither listed nor reached is forgotten', async (t) => {
  const world = new World(t)
  world.listed = [1]
  await until(() => world.connected.size === 1)
  world.listed = []
  world.reachable = false
  world.lose(1)
  await until(() => world.dialled.length === 3, 5000) // the first, and two that failed
  const { lookups } = world
  await until(() => world.lookups > lookups + 2)
  world.follower.lost(hexOf(1)) // knows nothing of it any more
  assert.equal(world.dialled.length, 3)
})

test('strangers that come first do not stay, and never keep a member from being dialled', async (t) => {
  const world = new World(t)
  world.strangers = Array.from({ length: 300 }, (_, n) => Buffer.alloc(32, `stranger ${n}`))
  await until(() => world.lookups > 3)
  world.follower.suggest(hexOf(7))
  await until(() => world.connected.has(hexOf(7)), 1000)
  world.listed = [8]
  await until(() => world.connected.has(hexOf(8)), 10_000)
})

/** How often it asks the DHT in an hour in which nobody is announced. */
async function lookupsInVain(t: TestContext, canWait: boolean): Promise<number> {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  let lookups = 0
  const follower = new Follower({
    async search() {
      lookups++
      return true
    },
    topics: () => [Buffer.alloc(32)],
    lookupMs: 10_000,
    lookupMsMax: 300_000,
    canWait: () => canWait,
    isSelf: () => false,
    isConnected: () => false,
    dial: async () => {},
    random: () => 1,
    now: () => Date.now(),
    log: silentLogger()
  })
  follower.start()
  for (let s = 0; s < 3600; s++) {
    t.mock.timers.tick(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  follower.stop()
  return lookups
}

test('whoever finds nobody asks often for minutes, and then rarely', async (t) => {
  const lookups = await lookupsInVain(t, false)
  assert.ok(lookups > 100 && lookups < 200, `${lookups}`)
})

test('whoever needs nobody asks rarely at once', async (t) => {
  const lookups = await lookupsInVain(t, true)
  assert.ok(lookups < 30, `${lookups}`)
})

test('a peer that refuses a certificate for its time tells how the clocks differ', () => {
  const details = { now: 10_000 }
  const refusal = new HaifError('CERTIFICATE_EXPIRED', 'it ended', { details })
  assert.equal(failureOf(refusal, 7_210_000).clockAheadMs, 7_200_000)
  assert.deepEqual(failureOf(new HaifError('PEER_LOST', 'gone')), {
    code: 'PEER_LOST',
    message: 'gone'
  })
})
