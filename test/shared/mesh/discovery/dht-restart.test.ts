/** What lives through a restart of every DHT node: as when the machine that runs them restarts. */
import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { test } from 'node:test'
import { Type } from 'typebox'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { Router } from '#shared/rpc/router.ts'
import type { MeshRoot } from '../../../helpers/peers/mesh-root.ts'
import { atEnd, contextFor, linkBetween, startPeer } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'
import { ANYBODY } from '../../../helpers/peers/anybody.ts'

const echo = defineMethod('test.echo', ANYBODY, Type.Unknown(), Type.Unknown())

test('open connections live on, and old and new peers find each other again', async (t) => {
  const before = new BootstrapNodes({ host: '127.0.0.1', port: randomInt(20_000, 40_000) })
  await before.start()
  const { port } = before.address
  const bootstrap = [before.address]
  const topicKey: MeshRoot = { secret: randomBytes(32), reach: 'local', bootstrap }
  const options = { announceMs: 500, router: new Router().respond(echo, (value) => value) }
  const oldGateway = await startPeer(t, topicKey, { role: 'gateway', ...options })
  const oldBridge = await startPeer(t, topicKey, { role: 'bridge', ...options })
  oldBridge.follow('gateway')
  const link = await linkBetween(oldBridge, oldGateway)

  await before.stop()
  assert.equal(await link.call(echo, 1, contextFor(t)), 1)
  const after = new BootstrapNodes({ host: '127.0.0.1', port })
  await after.start()
  atEnd(t, () => after.stop())
  assert.equal(after.address.port, port)

  const newGateway = await startPeer(t, topicKey, { role: 'gateway', ...options })
  const newBridge = await startPeer(t, topicKey, { role: 'bridge', ...options })
  newBridge.follow('gateway')
  await until(() => newBridge.link(newGateway.key) !== undefined, 20_000)
  await until(() => oldBridge.link(newGateway.key) !== undefined, 20_000)
  await until(() => newBridge.link(oldGateway.key) !== undefined, 20_000)
  assert.equal(link.isClosed, false)
  assert.equal(oldBridge.link(oldGateway.key), link)
})
