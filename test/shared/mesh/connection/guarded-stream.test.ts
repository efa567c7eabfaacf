/** M10 of shared/mesh/membership/SPEC.md: little is taken from a stranger. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { GuardedStream } from '#shared/mesh/connection/guarded-stream.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { until } from '../../../helpers/until.ts'

/** Both ends of a connection, and the bytes below them. */
async function open(t: TestContext) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const a = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [b] = await accepted
  server.close()
  const keyPair = temporaryIdentity()
  const options = { pattern: 'IK', keyPair: temporaryIdentity() } as const
  const dialler = new GuardedStream(true, a, { ...options, remotePublicKey: keyPair.publicKey })
  const listener = new GuardedStream(false, b, { pattern: 'IK', keyPair })
  for (const stream of [dialler, listener]) stream.on('error', () => {})
  t.after(() => [dialler, listener].forEach((stream) => stream.destroy()))
  await Promise.all([dialler.opened, listener.opened])
  let received = 0
  listener.on('data', (data: Buffer) => (received += data.length))
  return { dialler, listener, raw: a, received: () => received }
}

test('a length of 16 MB makes no room for 16 MB', async (t) => {
  const { listener, raw, received } = await open(t)
  const before = process.memoryUsage().arrayBuffers
  raw.write(Buffer.from([255, 255, 255, 1, 2, 3]))
  await until(() => listener.destroyed)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
  assert.equal(received(), 0)
})

test('a length that comes byte by byte is added up', async (t) => {
  const { listener, raw } = await open(t)
  for (const byte of [64, 4, 0]) raw.write(Buffer.from([byte]))
  await until(() => listener.destroyed)
})

test('a hello passes, a hundred do not, and after it everything does', async (t) => {
  const first = await open(t)
  first.dialler.write(Buffer.alloc(512))
  await until(() => first.received() === 512)
  for (let i = 0; i < 100; i++) first.dialler.write(Buffer.alloc(512))
  await until(() => first.listener.destroyed)
  assert.ok(first.received() < 3000)

  const { dialler, listener, received } = await open(t)
  listener.trust(null)
  dialler.write(Buffer.alloc(5_000_000))
  await until(() => received() === 5_000_000)
})
