/** M12 of shared/mesh/membership/SPEC.md: strangers cannot hide a mesh from those who know it. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import DHT from 'hyperdht'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { topicsOf } from '#shared/mesh/discovery/topics.ts'
import type { MeshRoot } from '../../../helpers/peers/mesh-root.ts'
import { Acquaintances } from '#shared/mesh/membership/acquaintances.ts'
import { memberOf } from '../../../helpers/peers/member.ts'
import { atEnd, linkBetween, startDht, startPeer } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'

const key = (n: number) => n.toString(16).padStart(64, '0')

test('acquaintances are written and read, the latest 64 of them, and nonsense is left out', () => {
  const known = new Acquaintances()
  const met: string[] = []
  known.on('met', (who) => met.push(who.key))
  for (let i = 0; i < 70; i++)
    known.add({ role: i % 2 === 0 ? 'gateway' : 'registry', key: key(i) })
  known.add({ role: 'gateway', key: key(68) })
  assert.equal(met.length, 70)
  const read = new Acquaintances()
  read.addText(`nobody x\n${known.toText()}gateway 12\n`)
  assert.deepEqual(read.of('registry').length, 32)
  assert.equal(read.of('gateway').length, 31) // one line was nonsense
  assert.equal(known.of('gateway').at(-1), key(68))
})

test('the address of an acquaintance is kept, and a new one is news', () => {
  const known = new Acquaintances()
  let news = 0
  known.on('met', () => news++)
  const address = { host: '5.5.5.1', port: 49_737 }
  known.add({ role: 'registry', key: key(1) })
  known.add({ role: 'registry', key: key(1), address })
  known.add({ role: 'registry', key: key(1) }) // who names it again knows no address
  known.add({ role: 'registry', key: key(1), address: { ...address } })
  assert.equal(news, 2)
  const read = new Acquaintances()
  read.addText(`${known.toText()}registry ${key(2)} nowhere\n`)
  assert.deepEqual(read.addressOf(key(1)), address)
  assert.equal(read.addressOf(key(2)), null)
})

/** Keys of strangers under the topics of two roles, as many as crowd the mesh's own out. */
async function flood(t: TestContext, topicKey: MeshRoot, count: number): Promise<void> {
  const dht = createDht(topicKey)
  atEnd(t, () => dht.destroy())
  await dht.fullyBootstrapped()
  const { epochs } = memberOf(topicKey, 'client').membership
  const topics = [...topicsOf(epochs, 'gateway'), ...topicsOf(epochs, 'registry')]
  for (let i = 0; i < count; i++) {
    const pair = DHT.keyPair()
    await Promise.all(topics.map((topic) => dht.announce(topic, pair).finished()))
  }
}

test('under a flood of strangers a peer that knows a registry finds the gateways too', async (t) => {
  const topicKey = await startDht(t)
  const registry = await startPeer(t, topicKey, { role: 'registry' })
  const gateway = await startPeer(t, topicKey, { role: 'gateway' })
  gateway.follow('registry')
  await linkBetween(registry, gateway)
  await flood(t, topicKey, 60)
  const bridge = memberOf(topicKey, 'bridge')
  bridge.membership.acquaintances.add({ role: 'registry', key: registry.key })
  const mesh = await startPeer(t, topicKey, bridge)
  mesh.follow('registry')
  mesh.follow('gateway')
  await until(() => mesh.links('gateway').length === 1, 2000)
  assert.deepEqual(bridge.membership.acquaintances.of('gateway'), [gateway.key])
})
