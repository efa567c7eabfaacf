import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'blind-relay'
import DHT, { type KeyPair } from 'hyperdht'
import { Type } from 'typebox'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { Relay, relayKeyPair, type RelayOptions } from '#shared/mesh/connection/relay.ts'
import type { MeshRoot } from '../../../helpers/peers/mesh-root.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { Router } from '#shared/rpc/router.ts'
import {
  atEnd,
  contextFor,
  linkBetween,
  startDht,
  startPeer
} from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'
import { ANYBODY } from '../../../helpers/peers/anybody.ts'
import { memberOf } from '../../../helpers/peers/member.ts'

const echo = defineMethod('test.echo', ANYBODY, Type.Unknown(), Type.Unknown())
const count = defineStream('test.count', ANYBODY, Type.Object({}), Type.Integer(), Type.Null())
const serving = () =>
  new Router()
    .respond(echo, (value) => value)
    .serve(count, async function* () {
      for (let n = 0; n < 1000; n++) yield n
      return null
    })

const GUEST_BYTES = 500
/** Ten times as much may come at once. */
const BYTES_PER_SECOND = 4096
/** The relay counts each second. */
const COUNTED_MS = 1500

/** Looks to the others as if it sat behind a NAT through which no hole can be punched. */
class WalledIn extends DHT {
  constructor({ bootstrap }: MeshRoot) {
    super({ bootstrap, host: '127.0.0.1', port: [0, 0], ephemeral: true, quickFirewall: false })
  }

  override connect(publicKey: Buffer, options?: DHT.ConnectOptions): DHT.NoiseSecretStream {
    const noWay = { localConnection: false, fastOpen: false, holepunch: () => false }
    return super.connect(publicKey, { ...options, ...noWay })
  }

  override createServer(
    options?: DHT.ServerOptions,
    onconnection?: (stream: DHT.NoiseSecretStream) => void
  ): DHT.Server {
    const noWay = { shareLocalAddress: false, holepunch: () => false }
    return super.createServer({ ...options, ...noWay }, onconnection)
  }
}

/** A registry that relays for members, and a gateway behind a wall. */
async function start(t: TestContext) {
  const topicKey = await startDht(t)
  const keyPair = temporaryIdentity()
  const relay = relayKeyPair(keyPair)
  const { membership, role } = memberOf(topicKey, 'registry', keyPair)
  const self = { role, keyPair, membership }
  const registry = await startPeer(t, topicKey, { ...self, relays: true })
  const gateway = await startPeer(t, topicKey, {
    role: 'gateway',
    dht: new WalledIn(topicKey),
    router: serving()
  })
  gateway.follow('registry')
  await linkBetween(registry, gateway)
  return { topicKey, relay, registry, gateway, membership }
}

const hexOf = ({ publicKey }: KeyPair): string => publicKey.toString('hex')

/** A relay without a peer, and pairs of connections that ask it to forward. */
async function startAlone(
  t: TestContext,
  options: Pick<RelayOptions, 'isMember'> & Partial<RelayOptions>
) {
  const root = await startDht(t)
  const dhtOf = () => {
    const dht = createDht(root)
    atEnd(t, () => dht.destroy())
    return dht
  }
  const keyPair = temporaryIdentity()
  const relay = new Relay({ dht: dhtOf(), keyPair, isRevoked: () => false, ...options })
  await relay.start()
  atEnd(t, () => relay.stop())
  const endOf = (own: KeyPair, token: Buffer, isInitiator: boolean) => {
    const dht = dhtOf()
    const stream = dht.connect(keyPair.publicKey, { keyPair: own })
    stream.on('error', () => {})
    const raw = dht.createRawStream({ framed: true })
    raw.on('error', () => {})
    const client = Client.from(stream, { id: stream.publicKey })
    const asked = client.pair(isInitiator, token, raw).on('error', () => {})
    asked.on('data', (id: number) => {
      const { socket, remotePort, remoteHost } = stream.rawStream
      raw.connect(socket!, id, remotePort, remoteHost)
    })
    return { stream, raw }
  }
  const pair = ([first, second]: [KeyPair, KeyPair]) => {
    const token = randomBytes(32)
    return [endOf(first, token, true), endOf(second, token, false)] as const
  }
  return { pair }
}

describe('a relay', { concurrency: true }, () => {
  test('carries what two members say that cannot reach each other directly', async (t) => {
    const { topicKey, registry, gateway } = await start(t)
    const bridge = await startPeer(t, topicKey, {
      role: 'bridge',
      dht: new WalledIn(topicKey),
      router: serving()
    })
    bridge.follow('registry')
    await linkBetween(registry, bridge)
    bridge.follow('gateway')
    const link = await linkBetween(bridge, gateway)
    assert.equal(link.path, 'relayed')
    assert.equal(bridge.link(registry.key)?.path, 'direct')
    assert.equal(await link.call(echo, 'there', contextFor(t)), 'there')
    const back = await linkBetween(gateway, bridge)
    assert.equal(await back.call(echo, 'and back', contextFor(t)), 'and back')
    let expected = 0
    for await (const n of link.stream(count, {}, contextFor(t))) assert.equal(n, expected++)
    assert.equal(expected, 1000)

    await registry.stop() // and does not wait for what it relays
    await until(() => link.isClosed && back.isClosed)
  })

  test('forwards no more for a member that was revoked, and lets it in no more', async (t) => {
    const { topicKey, relay, registry, gateway, membership } = await start(t)
    const keyPair = temporaryIdentity()
    const dht = new WalledIn(topicKey)
    const bridge = await startPeer(t, topicKey, { role: 'bridge', dht, keyPair })
    bridge.follow('registry')
    await linkBetween(registry, bridge)
    // As a peer would that keeps to no rule: it holds a stream to the relay open.
    const stream = dht.connect(relay.publicKey, { keyPair })
    stream.on('error', () => {})
    assert.equal(await stream.opened, true)
    const revoked = new Map([[bridge.key, Date.now() + 1e9]])
    membership.revoke({ peers: revoked })
    await until(() => {
      if (!stream.destroyed) stream.write(Buffer.alloc(0)) // says that it is there
      return stream.destroyed && registry.link(bridge.key) === undefined
    })
    const again = dht.connect(relay.publicKey, { keyPair })
    again.on('error', () => {})
    assert.equal(await again.opened, false)
    assert.notEqual(registry.link(gateway.key), undefined)
  })

  test('forwards for nobody whom no member vouches for', async (t) => {
    const member = temporaryIdentity()
    const { pair } = await startAlone(t, { isMember: (key) => key === hexOf(member) })
    const [stranger, other] = pair([temporaryIdentity(), temporaryIdentity()])
    await until(() => stranger.stream.destroyed || other.stream.destroyed)
    assert.deepEqual([stranger.raw.connected, other.raw.connected], [false, false])

    // The same two steps with a member in one of the places.
    const [guest, vouching] = pair([temporaryIdentity(), member])
    await until(() => guest.raw.connected && vouching.raw.connected)
    let heard = 0
    vouching.raw.on('data', ({ length }: Buffer) => (heard += length))
    vouching.raw.write(Buffer.alloc(1)) // a relay learns from it where to send
    guest.raw.write(Buffer.alloc(GUEST_BYTES))
    await until(() => heard === GUEST_BYTES)
  })

  test('ends what goes beyond the bytes of a member', async (t) => {
    const limits = { streamsPerMember: 1, bytesPerSecond: BYTES_PER_SECOND }
    const { pair } = await startAlone(t, { isMember: () => true, limits })
    const [from, to] = pair([temporaryIdentity(), temporaryIdentity()])
    let received = 0
    to.raw.on('data', (chunk: Buffer) => (received += chunk.length))
    await until(() => from.raw.connected && to.raw.connected)
    to.raw.write(Buffer.alloc(1)) // a relay learns from it where to send
    from.raw.write(Buffer.alloc(BYTES_PER_SECOND))
    await until(() => received === BYTES_PER_SECOND)
    await sleep(COUNTED_MS)
    assert.equal(from.stream.destroyed, false)
    await until(() => {
      if (!from.stream.destroyed) from.raw.write(Buffer.alloc(BYTES_PER_SECOND))
      return from.stream.destroyed
    })
    assert.ok(received > 2 * BYTES_PER_SECOND, `${received} bytes`)
  })
})
