import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import { Type } from 'typebox'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { MeshRoot } from '../../helpers/peers/mesh-root.ts'
import { topicsOf } from '#shared/mesh/discovery/topics.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { memberOf } from '../../helpers/peers/member.ts'
import { spawnPeer } from '../../helpers/peers/peer-spawn.ts'
import { contextFor, linkBetween, startDht, startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { patience } from '../../helpers/deadline.ts'
import { ANYBODY } from '../../helpers/peers/anybody.ts'

const echo = defineMethod('test.echo', ANYBODY, Type.Unknown(), Type.Unknown())
const echoing = () => new Router().respond(echo, (value) => value)

async function assertEcho(t: TestContext, link: PeerLink): Promise<void> {
  assert.equal(await link.call(echo, 'here', contextFor(t)), 'here')
}

/** What a mesh says of its connections, in order. */
function eventsOf(mesh: Mesh): string[] {
  const events: string[] = []
  mesh.on('link', ({ peer }) => events.push(`link ${peer.key}`))
  mesh.on('lost', ({ peer }) => events.push(`lost ${peer.key}`))
  return events
}

test('two peers find each other, whoever starts first', async (t) => {
  const topicKey = await startDht(t)
  const early = await startPeer(t, topicKey, { role: 'bridge', router: echoing() })
  early.follow('gateway')
  const gateway = await startPeer(t, topicKey, { role: 'gateway', router: echoing() })
  const late = await startPeer(t, topicKey, { role: 'bridge', router: echoing() })
  late.follow('gateway')
  for (const bridge of [early, late]) {
    const link = await linkBetween(bridge, gateway)
    assert.deepEqual(
      [link.peer.key, link.peer.role, link.dialer, link.path],
      [gateway.key, 'gateway', true, 'direct']
    )
    await assertEcho(t, link)
    await assertEcho(t, await linkBetween(gateway, bridge))
  }
  assert.equal(gateway.links('bridge').length, 2)
  assert.equal(gateway.links('worker').length, 0)
})

test('several gateways are all connected, each once', async (t) => {
  const topicKey = await startDht(t)
  const gateways = await Promise.all(
    [1, 2, 3, 4].map(() => startPeer(t, topicKey, { role: 'gateway' }))
  )
  const bridge = await startPeer(t, topicKey, { role: 'bridge' })
  const events = eventsOf(bridge)
  bridge.follow('gateway')
  bridge.follow('gateway')
  for (const gateway of gateways) await linkBetween(bridge, gateway)
  gateways.push(await startPeer(t, topicKey, { role: 'gateway' }))
  await linkBetween(bridge, gateways.at(-1)!)
  assert.deepEqual(events.toSorted(), gateways.map(({ key }) => `link ${key}`).toSorted())
})

test('another role, another mesh and oneself are not dialled', async (t) => {
  const topicKey = await startDht(t)
  const otherMesh = { ...topicKey, secret: randomBytes(32) }
  const other = await startPeer(t, otherMesh, { role: 'gateway' })
  const registry = await startPeer(t, topicKey, { role: 'registry' })
  const gateway = await startPeer(t, topicKey, { role: 'gateway' })
  gateway.follow('gateway')
  gateway.follow('registry')
  await linkBetween(gateway, registry)
  assert.deepEqual(
    gateway.links().map(({ peer }) => peer.key),
    [registry.key]
  )
  assert.deepEqual(other.links(), [])
})

test('a clean stop is seen at once, on either side, and withdraws the peer', async (t) => {
  const topicKey = await startDht(t)
  const gateway = await startPeer(t, topicKey, { role: 'gateway' })
  const stays = await startPeer(t, topicKey, { role: 'bridge' })
  const leaves = await startPeer(t, topicKey, { role: 'bridge' })
  for (const bridge of [stays, leaves]) bridge.follow('gateway')
  await linkBetween(stays, gateway)
  await linkBetween(gateway, leaves)
  const events = [eventsOf(gateway), eventsOf(stays)]

  const stopping = leaves.stop()
  await until(() => gateway.link(leaves.key) === undefined, 1000)
  await stopping
  await Promise.all([gateway.stop(), gateway.stop()]) // both wait for the one stop
  await until(() => stays.links().length === 0, 1000)
  assert.deepEqual(events[0], [`lost ${leaves.key}`, `lost ${stays.key}`])
  assert.deepEqual(events[1], [`lost ${gateway.key}`])

  const dht = createDht(topicKey)
  const listed: string[] = []
  for await (const { peers } of dht.lookup(
    topicsOf(memberOf(topicKey, 'client').membership.epochs, 'gateway')[0]!
  )) {
    listed.push(...peers.map(({ publicKey }) => publicKey.toString('hex')))
  }
  await dht.destroy()
  assert.deepEqual(listed, [])
})

test('a connection that was lost is dialled again', async (t) => {
  const topicKey = await startDht(t)
  const gateway = await startPeer(t, topicKey, { role: 'gateway', router: echoing() })
  const bridge = await startPeer(t, topicKey, { role: 'bridge' })
  const events = eventsOf(bridge)
  bridge.follow('gateway')
  for (const closeIt of [bridge, gateway]) {
    const link = await linkBetween(bridge, gateway)
    await linkBetween(gateway, bridge)
    closeIt.links()[0]!.close('test')
    await link.closed
    await until(() => bridge.link(gateway.key) !== undefined && bridge.link(gateway.key) !== link)
  }
  await assertEcho(t, bridge.link(gateway.key)!)
  assert.deepEqual(
    events,
    ['link', 'lost', 'link', 'lost', 'link'].map((event) => `${event} ${gateway.key}`)
  )
})

test('a dialler that comes back with the same key replaces its old connection', async (t) => {
  const topicKey = await startDht(t)
  const gateway = await startPeer(t, topicKey, { role: 'gateway' })
  const keyPair = temporaryIdentity()
  const first = await startPeer(t, topicKey, { role: 'bridge', keyPair })
  first.follow('gateway')
  const old = await linkBetween(gateway, first)
  const events = eventsOf(gateway)
  const again = await startPeer(t, topicKey, { role: 'bridge', keyPair, router: echoing() })
  again.follow('gateway')
  await until(() => gateway.link(again.key) !== old)
  assert.deepEqual(events, [`lost ${again.key}`, `link ${again.key}`])
  assert.equal(gateway.links().length, 1)
  assert.equal(old.isClosed, true)
  await first.stop()
})

describe('a peer in another process', { concurrency: true }, () => {
  for (const [signal, what] of [
    ['SIGKILL', 'is killed with -9'],
    ['SIGSTOP', 'hangs']
  ] as const) {
    test(`that ${what} is out of the view in 3 s, whoever dialled`, async (t) => {
      const topicKey = await startDht(t)
      const dialled = await startPeer(t, topicKey, { role: 'gateway' })
      const bridge = await startPeer(t, topicKey, { role: 'bridge' })
      const peer = await spawnPeer(t, topicKey, { role: 'orchestrator', follow: 'gateway' })
      bridge.follow('orchestrator')
      await until(() => [dialled, bridge].every((mesh) => mesh.link(peer.key) !== undefined))
      peer.child.kill(signal)
      const begin = performance.now()
      await until(() => [dialled, bridge].every((mesh) => mesh.link(peer.key) === undefined))
      const tookMs = performance.now() - begin
      // 3 s, and a loaded machine
      assert.ok(tookMs <= patience(3500), `out of the view after ${tookMs} ms`)
    })
  }

  test('that is restarted with the same key is connected again, once', async (t) => {
    const topicKey = await startDht(t)
    const bridge = await startPeer(t, topicKey, { role: 'bridge' })
    const options = { role: 'gateway', seed: randomBytes(32).toString('hex') } as const
    const first = await spawnPeer(t, topicKey, options)
    bridge.follow('gateway')
    await until(() => bridge.link(first.key) !== undefined)
    const old = bridge.link(first.key)
    first.child.kill('SIGKILL')
    const second = await spawnPeer(t, topicKey, options)
    assert.equal(second.key, first.key)
    await until(() => ![old, undefined].includes(bridge.link(second.key)))
    assert.equal(bridge.links().length, 1)
  })

  test('that has stopped exits by itself: no timer and no socket stays', async (t) => {
    const topicKey = await startDht(t)
    const bridge = await startPeer(t, topicKey, { role: 'bridge' })
    bridge.follow('gateway')
    const gateway = await startPeer(t, topicKey, { role: 'registry' })
    const { key, child } = await spawnPeer(t, topicKey, { role: 'gateway', follow: 'registry' })
    await until(() => bridge.link(key) !== undefined && gateway.link(key) !== undefined)
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    assert.deepEqual(await exit, [0, null])
    assert.equal(bridge.link(key), undefined)
  })
})

test('a peer stops in time also when no DHT node answers any more', async (t) => {
  const nodes = new BootstrapNodes({ host: '127.0.0.1', port: 0 })
  await nodes.start()
  const bootstrap = [nodes.address]
  const topicKey: MeshRoot = { secret: randomBytes(32), reach: 'local', bootstrap }
  const gateway = await startPeer(t, topicKey, { role: 'gateway' })
  await nodes.stop()
  const begin = performance.now()
  await gateway.stop()
  const tookMs = performance.now() - begin
  assert.ok(tookMs < patience(3000), `stopped after ${tookMs} ms`)
})

test('peers leave the well-known port of the DHT to those who are looked for there', async (t) => {
  const topicKey = await startDht(t)
  const dht = createDht(topicKey)
  await dht.fullyBootstrapped()
  const ports = [topicKey.bootstrap[0]!.port, dht.address().port]
  await dht.destroy()
  for (const port of ports) assert.ok(port < 49737 || port > 49741, `port ${port}`)
})
