import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { silentLogger } from '#shared/process/log.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { PeerLink } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { dialRaw } from '../../helpers/peers/peer-raw.ts'
import { contextFor, startDht, startPeer } from '../../helpers/peers/peers.ts'
import { ANYBODY } from '../../helpers/peers/anybody.ts'

const way = () => ({ path: 'direct', relay: null }) as const
const anything = defineMethod('test.any', ANYBODY, Type.Unknown(), Type.Unknown())

for (const dialer of [true, false]) {
  test(`a link over a connection that is gone already is closed (dialer: ${dialer})`, async (t) => {
    const topicKey = await startDht(t)
    const mesh = await startPeer(t, topicKey, { role: 'gateway' })
    const { rpc } = await dialRaw(t, topicKey, Buffer.from(mesh.key, 'hex'))
    rpc.destroy() // as when the peer goes between its hello and what we make of it
    const peer = { key: mesh.key, role: 'gateway' }
    const router = new Router()
    const link = new PeerLink({ rpc, peer, router, dialer, way, log: silentLogger() })
    await link.closed
    assert.equal(link.isClosed, true)
    await assert.rejects(link.call(anything, 1, contextFor(t)), { code: 'PEER_LOST' })
  })
}
