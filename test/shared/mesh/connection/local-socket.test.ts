import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import SecretStream from '@hyperswarm/secret-stream'
import { Type } from 'typebox'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { localPathOf } from '#shared/mesh/connection/local-socket.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import type { LinkPath } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { spawnPeer } from '../../../helpers/peers/peer-spawn.ts'
import {
  atEnd,
  contextFor,
  linkBetween,
  startDht,
  startPeer
} from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'
import { ANYBODY } from '../../../helpers/peers/anybody.ts'

const localSockets = true
const echo = defineMethod('test.echo', ANYBODY, Type.Unknown(), Type.Unknown(), {
  isLarge: true
})
const count = defineStream('test.count', ANYBODY, Type.Object({}), Type.Integer(), Type.String())
const serving = () =>
  new Router()
    .respond(echo, (value) => value)
    .serve(count, async function* () {
      for (let n = 0; n < 20_000; n++) yield n
      return 'counted'
    })

/** Which way they are connected; both ends agree. */
async function pathBetween(from: Mesh, to: Mesh): Promise<LinkPath> {
  const { path } = await linkBetween(from, to)
  assert.equal((await linkBetween(to, from)).path, path)
  return path
}

/** Something that has the name of the peer and is not the peer. */
async function startImpostor(t: TestContext, publicKey: Buffer, server: Server): Promise<void> {
  server.listen(localPathOf(publicKey))
  await once(server, 'listening')
  atEnd(t, async () => void server.close())
}

test('peers of one machine talk over a socket of it, and all that they say comes through', async (t) => {
  const topicKey = await startDht(t)
  const gateway = await startPeer(t, topicKey, { role: 'gateway', localSockets, router: serving() })
  const bridge = await startPeer(t, topicKey, { role: 'bridge', localSockets, router: serving() })
  bridge.follow('gateway')
  assert.equal(await pathBetween(bridge, gateway), 'local')
  const large = 'x'.repeat(2_000_000)
  for (const [from, to] of [
    [bridge, gateway],
    [gateway, bridge]
  ] as const) {
    const link = from.link(to.key)!
    assert.equal(link.rttMs, 0)
    assert.equal(await link.call(echo, large, contextFor(t)), large)
    const stream = link.stream(count, {}, contextFor(t))
    let expected = 0
    let next = await stream.next()
    for (; next.done !== true; next = await stream.next()) assert.equal(next.value, expected++)
    assert.deepEqual([expected, next.value], [20_000, 'counted'])
  }
})

for (const [listens, dials] of [
  [true, false],
  [false, true]
]) {
  test(`who has no local sockets is reached over the network (listener: ${listens}, dialler: ${dials})`, async (t) => {
    const topicKey = await startDht(t)
    const gateway = await startPeer(t, topicKey, { role: 'gateway', localSockets: listens! })
    const bridge = await startPeer(t, topicKey, { role: 'bridge', localSockets: dials! })
    bridge.follow('gateway')
    assert.equal(await pathBetween(bridge, gateway), 'direct')
  })
}

test('who cannot prove the secret of the mesh is refused there too', async (t) => {
  const topicKey = await startDht(t)
  const { log, lines } = recordingLogger()
  const keyPair = temporaryIdentity()
  const gateway = await startPeer(t, topicKey, { role: 'gateway', keyPair, localSockets, log })
  const { publicKey } = keyPair
  const other = { ...topicKey, secret: randomBytes(32) }
  // In its own mesh it finds a peer with that key, and on this machine ours.
  const theirs = await startPeer(t, other, { role: 'gateway', keyPair })
  const stranger = await startPeer(t, other, { role: 'bridge', localSockets })
  assert.equal(theirs.key, publicKey.toString('hex'))
  stranger.follow('gateway')
  await until(() => lines.some(({ code }) => code === 'WRONG_MESH'))
  assert.deepEqual(gateway.links(), [])
})

describe('whoever has the name of a peer and not its key', { concurrency: true }, () => {
  const impostors: Record<string, () => Server> = {
    'answers with another key': () =>
      createServer((socket) => {
        const stream = new SecretStream(false, socket, {
          pattern: 'IK',
          keyPair: temporaryIdentity()
        })
        stream.on('error', () => {})
      }),
    'says what is no handshake': () =>
      createServer((socket) => void socket.on('error', () => {}).write(randomBytes(1000))),
    'hangs up': () => createServer((socket) => socket.destroy()),
    'says nothing': () => createServer((socket) => void socket.on('error', () => {}))
  }
  for (const [what, make] of Object.entries(impostors)) {
    test(`and ${what} keeps nobody from the peer`, async (t) => {
      const topicKey = await startDht(t)
      const keyPair = temporaryIdentity()
      await startImpostor(t, keyPair.publicKey, make())
      const { log, lines } = recordingLogger('debug')
      const gateway = await startPeer(t, topicKey, { role: 'gateway', keyPair, localSockets, log })
      const bridge = await startPeer(t, topicKey, { role: 'bridge', localSockets })
      bridge.follow('gateway')
      assert.equal(await pathBetween(bridge, gateway), 'direct')
      assert.match(JSON.stringify(lines), /no local socket/)
    })
  }
})

describe('a peer in another process', { concurrency: true }, () => {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    test(`is lost after ${signal}, whoever dialled`, async (t) => {
      const topicKey = await startDht(t)
      const dialled = await startPeer(t, topicKey, { role: 'gateway', localSockets })
      const bridge = await startPeer(t, topicKey, { role: 'bridge', localSockets })
      const options = { role: 'orchestrator', follow: 'gateway', localSockets } as const
      const peer = await spawnPeer(t, topicKey, options)
      bridge.follow('orchestrator')
      await until(() => [dialled, bridge].every((mesh) => mesh.link(peer.key)?.path === 'local'))
      peer.child.kill(signal)
      await until(() => [dialled, bridge].every((mesh) => mesh.link(peer.key) === undefined))
    })
  }

  test('is reached at its socket again after a kill, and leaves nothing when it stops', async (t) => {
    const topicKey = await startDht(t)
    const bridge = await startPeer(t, topicKey, { role: 'bridge', localSockets })
    const seed = randomBytes(32).toString('hex')
    const options = { role: 'gateway', seed, localSockets } as const
    const first = await spawnPeer(t, topicKey, options)
    bridge.follow('gateway')
    await until(() => bridge.link(first.key)?.path === 'local')
    const old = bridge.link(first.key)
    first.child.kill('SIGKILL')
    const { child, key } = await spawnPeer(t, topicKey, options)
    await until(() => ![old, undefined].includes(bridge.link(key)))
    assert.equal(bridge.link(key)!.path, 'local')
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    assert.deepEqual(await exit, [0, null])
    await until(() => bridge.link(key) === undefined)
  })
})
