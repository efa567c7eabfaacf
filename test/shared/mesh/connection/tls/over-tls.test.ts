/** Peers whose network lets no UDP through: the DHT that they know never answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { makeSelfSigned } from '#shared/mesh/connection/tls/self-signed.ts'
import { TlsRelays } from '#shared/mesh/connection/tls/tls-relays.ts'
import { MeshNode } from '#shared/mesh/node.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { Router } from '#shared/rpc/router.ts'
import { ANYBODY } from '../../../../helpers/peers/anybody.ts'
import { until } from '../../../../helpers/until.ts'
import { contextFor, linkBetween, startDht, startPeer } from '../../../../helpers/peers/peers.ts'

const echo = defineMethod('test.echo', ANYBODY, Type.Unknown(), Type.Unknown())
const count = defineStream('test.count', ANYBODY, Type.Object({}), Type.Integer(), Type.String())
const serving = () =>
  new Router()
    .respond(echo, (value) => value)
    .serve(count, async function* () {
      for (let n = 0; n < 5000; n++) yield n
      return 'counted'
    })

test('a worker without UDP joins through a relay over TLS, and streams', async (t) => {
  const topicKey = await startDht(t)
  const registry = await startPeer(t, topicKey, { role: 'registry', router: serving() })
  const tls = { port: 0, certificate: makeSelfSigned('relay.test') }
  const relay = await startPeer(t, topicKey, { role: 'relay', tls })
  const noUdp = createDht({ reach: 'local', bootstrap: [{ host: '127.0.0.1', port: 1 }] })
  const at = { host: '127.0.0.1', port: relay.tlsPort! }
  const dht = new MeshNode(noUdp, { tlsRelays: new TlsRelays([at]) })
  const begun = performance.now()
  const worker = await startPeer(t, topicKey, { role: 'worker', dht, router: serving() })
  worker.follow('registry')
  const link = await linkBetween(worker, registry)
  t.diagnostic(`joined after ${Math.round(performance.now() - begun)} ms`)
  assert.deepEqual([link.path, link.relay], ['relayed', relay.key])
  assert.equal(await link.call(echo, 'x'.repeat(50_000), contextFor(t)), 'x'.repeat(50_000))
  const back = await linkBetween(registry, worker)
  assert.deepEqual([back.path, back.relay], ['relayed', relay.key])
  let last = -1
  for await (const n of back.stream(count, {}, contextFor(t))) assert.equal(n, ++last)
  assert.equal(last, 4999)
  await until(() => link.rttMs > 0 && back.rttMs > 0)
  assert.ok(link.traffic!.sentBytes > 50_000)
})
