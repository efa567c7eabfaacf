/** Where the DHT nodes of a mesh are, heard on the local network; here on loopback. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { BeaconListener, BeaconSender } from '#shared/mesh/discovery/beacon.ts'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import { until } from '../../../helpers/until.ts'

const OWN = '127.0.0.1'

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, OWN)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

test('those of a mesh hear where its nodes are, and those of another mesh do not', async (t) => {
  const port = await freePort()
  const [name, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const heard: Address[] = []
  const heardByOthers: Address[] = []
  const listeners = [
    new BeaconListener({ name, interface: OWN, port }, (node) => heard.push(node)),
    new BeaconListener({ name: other, interface: OWN, port }, (node) => heardByOthers.push(node))
  ]
  for (const listener of listeners) listener.start()
  const sender = new BeaconSender({ name, interface: OWN, port }, 40_000)
  t.after(() => {
    sender.stop()
    for (const listener of listeners) listener.stop()
  })
  await sender.start()
  await until(() => heard.length > 0)
  assert.deepEqual(heard[0], { host: OWN, port: 40_000 })
  const noise = createSocket('udp4')
  for (const junk of [name, Buffer.concat([name, Buffer.alloc(2)]), Buffer.alloc(2000, 1)]) {
    noise.send(junk, port, OWN)
  }
  const second = new BeaconSender({ name: other, interface: OWN, port }, 40_001)
  t.after(() => {
    noise.close()
    second.stop()
  })
  await second.start()
  await until(() => heardByOthers.length > 0)
  assert.deepEqual(heardByOthers[0], { host: OWN, port: 40_001 })
  assert.ok(heard.every((node) => node.port === 40_000))
})
