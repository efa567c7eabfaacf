import assert from 'node:assert/strict'
import { randomBytes, X509Certificate, createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { pathTo } from '#shared/mesh/connection/tls/protocol.ts'
import { makeSelfSigned } from '#shared/mesh/connection/tls/self-signed.ts'
import { TlsRelay } from '#shared/mesh/connection/tls/tls-relay.ts'
import { openPipe, TlsRelays } from '#shared/mesh/connection/tls/tls-relays.ts'
import { until } from '../../../../helpers/until.ts'

const certificate = makeSelfSigned('relay.test')
const hex = () => randomBytes(32).toString('hex')
const host = '127.0.0.1'

/** A relay whose peer takes every offer and sends back what it gets. */
async function startRelay(t: TestContext, find: (topic: string) => Promise<string[] | null>) {
  const counted = { bytes: 0, offers: [] as string[] }
  const relay = new TlsRelay({
    port: 0,
    certificate,
    key: 'ab'.repeat(32),
    find,
    async offer(peer, token) {
      counted.offers.push(peer)
      const { stream } = await openPipe({ host, port: relay.port }, pathTo('offers', token))
      stream.pipe(stream)
    },
    onBytes: (bytes) => (counted.bytes += bytes)
  })
  await relay.start()
  t.after(() => relay.stop())
  return { relay, counted, relays: new TlsRelays([{ host, port: relay.port }]) }
}

test('a pipe carries what one end says to the other, both ways, and ends with either', async (t) => {
  const { relay, counted, relays } = await startRelay(t, async () => null)
  const peer = randomBytes(32)
  const pipe = await relays.pipeTo(peer)
  assert.equal(pipe.relay, 'ab'.repeat(32))
  const said = randomBytes(1_000_000)
  pipe.stream.write(said)
  const heard: Buffer[] = []
  pipe.stream.on('data', (bytes: Buffer) => heard.push(bytes))
  await until(() => heard.reduce((sum, { length }) => sum + length, 0) === said.length)
  assert.ok(Buffer.concat(heard).equals(said))
  pipe.stream.destroy()
  assert.deepEqual(counted.offers, [peer.toString('hex')])
  await until(() => relay.pipes === 0)
  assert.equal(counted.bytes, 2 * said.length)
})

test('a topic of the mesh is answered with its keys, and another one is not', async (t) => {
  const [topic, key] = [randomBytes(32), hex()]
  const isOurs = (asked: string) => asked === topic.toString('hex')
  const { relays } = await startRelay(t, async (asked) => (isOurs(asked) ? [key] : null))
  assert.deepEqual(await relays.find(topic), [Buffer.from(key, 'hex')])
  assert.equal(await relays.find(randomBytes(32)), null)
})

test('a relay that is away is passed over, and later the one that works is asked first', async (t) => {
  const { relay } = await startRelay(t, async () => [])
  const relays = new TlsRelays([
    { host, port: 1 },
    { host, port: relay.port }
  ])
  assert.deepEqual(await relays.find(randomBytes(32)), [])
  const { stream } = await relays.pipeTo(randomBytes(32))
  stream.destroy()
})

test('an end that nobody waits for is closed', async (t) => {
  const { relay } = await startRelay(t, async () => null)
  const { stream } = await openPipe({ host, port: relay.port }, pathTo('offers', hex()))
  stream.resume()
  await once(stream, 'close')
})

test('the certificate is whole, for its name, and fits its key', () => {
  const x509 = new X509Certificate(certificate.cert)
  assert.equal(x509.subject, 'CN=relay.test')
  assert.ok(new Date(x509.validTo).getTime() > Date.now())
  assert.ok(x509.verify(x509.publicKey) && x509.checkPrivateKey(createPrivateKey(certificate.key)))
})
