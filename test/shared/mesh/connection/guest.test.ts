/** M11 of shared/mesh/membership/SPEC.md. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { Type } from 'typebox'
import { HaifError } from '#shared/errors.ts'
import { visit } from '#shared/mesh/connection/guest.ts'
import { lookup } from '#shared/mesh/discovery/lookup.ts'
import { hostTopicOf } from '#shared/mesh/discovery/topics.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { decodeCredentials, encodeCredentials } from '#shared/mesh/membership/credentials.ts'
import { Membership } from '#shared/mesh/membership/membership.ts'
import { openNode } from '#shared/mesh/open-mesh.ts'
import { createContext } from '#shared/rpc/context.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { Router } from '#shared/rpc/router.ts'
import { silentLogger } from '#shared/process/log.ts'
import { ANYBODY } from '../../../helpers/peers/anybody.ts'
import { memberOf } from '../../../helpers/peers/member.ts'
import {
  atEnd,
  contextFor,
  linkBetween,
  startDht,
  startPeer
} from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'

const redeem = defineMethod(
  'test.redeem',
  { from: ['guest'], to: ['registry'] },
  Type.Object({}),
  Type.String()
)
const secret = defineMethod('test.secret', ANYBODY, Type.Object({}), Type.String())
const invite = randomBytes(16)

/** A registry that lets in whoever names the invite, and how to visit it. */
async function start(t: TestContext) {
  const topicKey = await startDht(t)
  const self = memberOf(topicKey, 'registry')
  const desk = new Router().respond(redeem, (_, { peer }) => {
    const terms = { roles: ['worker'], name: peer.role } as const
    const credentials = self.membership.certify(Buffer.from(peer.key, 'hex'), terms)
    return encodeCredentials(credentials).toString('base64')
  })
  const admit = (id: Buffer) => {
    if (!id.equals(invite)) throw new HaifError('NOT_FOUND', 'no such invite')
  }
  const router = new Router().respond(secret, () => 'for members')
  const registry = await startPeer(t, topicKey, {
    ...self,
    router,
    guests: { admit, router: desk }
  })
  const node = openNode(topicKey)
  const { dht } = node
  atEnd(t, () => dht.destroy())
  const keyPair = temporaryIdentity()
  const visitAs = (inviteId: Buffer, mesh = self.membership.mesh, own = keyPair) =>
    visit({
      node,
      host: Buffer.from(registry.key, 'hex'),
      localSockets: false,
      dialMsMax: 3000,
      keyPair: own,
      mesh,
      inviteId,
      hostRole: 'registry',
      now: Date.now,
      log: silentLogger()
    })
  return { topicKey, registry, self, dht, keyPair, visitAs }
}

test('a guest redeems its invite, calls nothing else, and comes back as a member', async (t) => {
  const { topicKey, registry, keyPair, visitAs, dht, self } = await start(t)
  const hosts: string[] = []
  await lookup(dht, hostTopicOf(self.membership.mesh), (key) => hosts.push(key.toString('hex')))
  assert.ok(hosts.includes(registry.key))

  const link = await visitAs(invite)
  await assert.rejects(link.call(secret, {}, contextFor(t)))
  assert.deepEqual(registry.links(), [])
  const text = await link.call(redeem, {}, contextFor(t))
  link.close('redeemed')

  const credentials = decodeCredentials(Buffer.from(text, 'base64'))
  const membership = new Membership({ credentials })
  const worker = await startPeer(t, topicKey, { role: 'worker', keyPair, membership })
  worker.follow('registry')
  const member = await linkBetween(worker, registry)
  assert.equal(await member.call(secret, {}, contextFor(t)), 'for members')
  await until(() => registry.links('worker').length === 1)
})

test('a guest cannot send what a member may', async (t) => {
  const { visitAs, registry } = await start(t)
  const link = await visitAs(invite)
  const large = defineMethod('test.redeem', ANYBODY, Type.String(), Type.String())
  await assert.rejects(link.call(large, 'x'.repeat(100_000), contextFor(t)))
  await until(() => link.isClosed)
  assert.deepEqual(registry.links(), [])
})

test('an unknown invite, and a host of another mesh, are each told apart', async (t) => {
  const { visitAs } = await start(t)
  await assert.rejects(visitAs(randomBytes(16)), { code: 'NOT_FOUND' })
  await assert.rejects(visitAs(invite, randomBytes(32)), { code: 'WRONG_MESH' })
})

/** 500 machines of a class room, say. */
const MANY = { skip: process.env['HAIF_SOAK'] === '1' ? false : 'HAIF_SOAK=1 runs it' }

test('500 guests redeem in a minute, fifty at a time', MANY, async (t) => {
  const { visitAs } = await start(t)
  const startedAt = performance.now()
  const pairs = Array.from({ length: 500 }, () => temporaryIdentity())
  const names = new Set<string>()
  const visitor = async () => {
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const link = await visitAs(invite, undefined, pair)
      using context = createContext({ timeoutMs: 20_000 })
      const text = await link.call(redeem, {}, context)
      link.close('redeemed')
      const { certificate } = decodeCredentials(Buffer.from(text, 'base64'))
      names.add(certificate.peer.toString('hex'))
    }
  }
  await Promise.all(Array.from({ length: 50 }, visitor))
  assert.equal(names.size, 500)
  const seconds = (performance.now() - startedAt) / 1000
  t.diagnostic(`${seconds.toFixed(1)} s`)
  assert.ok(seconds < 60)
})
