/** The DHT nodes of a home move with its address. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import DHT from 'hyperdht'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import { LanNodes } from '../../../cli/up/lan-nodes.ts'
import { until } from '../../helpers/until.ts'

test('the nodes answer where this machine is now, at the port that they had', async (t) => {
  let host: string | null = '127.0.0.1'
  const moved: Address[] = []
  const nodes = new LanNodes({
    name: Buffer.alloc(32, 3),
    port: 0,
    async ownAddress() {
      if (host === null) throw new Error('no network')
      return host
    },
    onMoved: (address) => moved.push(address)
  })
  await nodes.start()
  t.after(() => nodes.stop())
  const { port } = nodes.address
  host = null // between two networks it stays where it was
  assert.deepEqual(nodes.address, { host: '127.0.0.1', port })
  host = '127.0.0.2'
  await until(() => moved.length > 0)
  assert.deepEqual(moved, [{ host: '127.0.0.2', port }])
  assert.deepEqual(nodes.address, moved[0])
  const dht = new DHT({ bootstrap: [], ephemeral: true, host: '127.0.0.1' })
  t.after(() => dht.destroy({ force: true }))
  await dht.fullyBootstrapped()
  await dht.ping(nodes.address) // rejects when nobody answers
})
