/** S11 of shared/rpc/SPEC.md: whoever has no certificate gets no message through. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import RPC from '@hyperswarm/rpc'
import c from 'compact-encoding'
import fc from 'fast-check'
import { Type } from 'typebox'
import type { ErrorCode } from '#shared/errors.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import {
  HELLO_METHOD,
  HELLO_MS_MAX,
  INVITE_ID_BYTES,
  makeGuestHello,
  makeHello,
  PROTOCOL_VERSION,
  refusal
} from '#shared/mesh/connection/hello.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import type { MeshRoot } from '../../../helpers/peers/mesh-root.ts'
import { topicOf } from '#shared/mesh/discovery/topics.ts'
import { rootAuthority } from '#shared/mesh/membership/authority.ts'
import { signCertificate } from '#shared/mesh/membership/certificate.ts'
import type { CertificateFacts } from '#shared/mesh/membership/certificate-encoding.ts'
import type { Epoch } from '#shared/mesh/membership/credentials.ts'
import { Membership } from '#shared/mesh/membership/membership.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { FrameType } from '#shared/rpc/frames.ts'
import { Router } from '#shared/rpc/router.ts'
import type { WireError } from '#shared/rpc/wire-error.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { dialAsMember, dialRaw, type RawPeer } from '../../../helpers/peers/peer-raw.ts'
import { atEnd, linkBetween, startDht, startPeer } from '../../../helpers/peers/peers.ts'
import { memberOf } from '../../../helpers/peers/member.ts'
import { until } from '../../../helpers/until.ts'
import { ANYBODY } from '../../../helpers/peers/anybody.ts'

const call = defineMethod('test.call', ANYBODY, Type.Unknown(), Type.Unknown())
const stream = defineStream('test.stream', ANYBODY, Type.Unknown(), Type.Unknown(), Type.Unknown())
const envelope = { requestId: 'r', deadlineMs: 5000 }

/** A peer that counts how often anything of it was run. */
async function startCounting(t: TestContext) {
  const topicKey = await startDht(t)
  const { log, lines } = recordingLogger()
  let ran = 0
  const router = new Router()
    .respond(call, () => ++ran)
    .serve(stream, async function* () {
      yield ++ran
    })
  const mesh = await startPeer(t, topicKey, { role: 'gateway', router, log })
  const links: unknown[] = []
  mesh.on('link', (link) => links.push(link))
  return { topicKey, mesh, lines, links, ran: () => ran, key: Buffer.from(mesh.key, 'hex') }
}

/** Everything that a member could ask for. */
async function askForEverything(raw: RawPeer): Promise<void> {
  raw.ready()
  raw.openStreams()
  const body = JSON.stringify({ m: 'test.stream', e: envelope, v: {} })
  raw.send({ type: FrameType.open, id: 1, body })
  raw.rpc.event('test.call', Buffer.from(JSON.stringify({ i: 1, e: envelope, v: 1 })))
  await assert.rejects(raw.request('test.call', { i: 2, e: envelope, v: 1 }))
}

const otherSecret = randomBytes(32)

async function assertRefused(reply: Promise<{ error?: WireError }>, code: ErrorCode) {
  assert.equal((await reply).error?.code, code)
}

/** A hello of the raw peer under a certificate that says something else. */
function helloUnder(raw: RawPeer, { secret }: MeshRoot, facts: Partial<CertificateFacts>): Buffer {
  const authority = rootAuthority(secret)
  const member = memberOf({ secret }, 'client', raw.keyPair)
  const { membership } = member
  const certificate = signCertificate(authority, { ...membership.certificate, ...facts })
  const credentials = { certificate, epochs: membership.epochs }
  return makeHello({ ...member, membership: new Membership({ credentials }) }, raw.stream)
}

const HOUR_MS = 3600_000
type Approach = (raw: RawPeer, topicKey: MeshRoot, member: RawPeer) => Promise<void>
const approaches: Record<string, Approach> = {
  'is of another mesh': async (raw) => {
    const { error } = await raw.hello(otherSecret)
    assert.equal(error?.code, 'WRONG_MESH')
    assert.match(error.message, /invite/)
  },
  'says no hello at all': async () => {},
  'says ready without a hello': async (raw) => raw.ready(),
  'replays the hello of another connection': async (raw, { secret }, member) => {
    await assertRefused(raw.hello(secret, member.helloOf(secret)), 'WRONG_MESH')
  },
  'shows the certificate of another peer': async (raw, topicKey, member) => {
    const stolen = helloUnder(raw, topicKey, { peer: member.keyPair.publicKey })
    await assertRefused(raw.hello(topicKey.secret, stolen), 'WRONG_MESH')
  },
  'claims a role that its certificate does not name': async (raw, topicKey) => {
    const hello = helloUnder(raw, topicKey, { roles: ['worker', 'relay'] })
    await assertRefused(raw.hello(topicKey.secret, hello), 'ROLE_NOT_ALLOWED')
  },
  'shows a certificate that has ended': async (raw, topicKey) => {
    const hello = helloUnder(raw, topicKey, { notAfter: Date.now() - HOUR_MS })
    await assertRefused(raw.hello(topicKey.secret, hello), 'CERTIFICATE_EXPIRED')
  },
  'shows a certificate from the future': async (raw, topicKey) => {
    const hello = helloUnder(raw, topicKey, { notBefore: Date.now() + HOUR_MS })
    await assertRefused(raw.hello(topicKey.secret, hello), 'CERTIFICATE_NOT_YET_VALID')
  },
  'has an invite where none is redeemed': async (raw, { secret }) => {
    const { keyPair, stream: noise } = raw
    const hello = makeGuestHello({ keyPair, inviteId: randomBytes(INVITE_ID_BYTES) }, noise)
    await assertRefused(raw.hello(secret, hello), 'ROLE_NOT_ALLOWED')
  },
  'guesses twice': async (raw, { secret }) => {
    await raw.hello(otherSecret)
    await assert.rejects(raw.hello(secret), { code: 'UNKNOWN_METHOD' })
  },
  'sends half a hello': async (raw, { secret }) => {
    const half = raw.helloOf(secret).subarray(0, 200)
    await assertRefused(raw.hello(secret, half), 'PROTOCOL_MISMATCH')
  },
  'sends an empty hello': async (raw, { secret }) => {
    await assertRefused(raw.hello(secret, Buffer.alloc(0)), 'PROTOCOL_MISMATCH')
  }
}

describe('a peer that', { concurrency: true }, () => {
  for (const [name, approach] of Object.entries(approaches)) {
    test(`${name} is refused, no handler runs, and it is thrown out`, async (t) => {
      const { topicKey, mesh, key, ran, links } = await startCounting(t)
      const member = await dialAsMember(t, topicKey, mesh)
      const raw = await dialRaw(t, topicKey, key)
      await approach(raw, topicKey, member)
      await askForEverything(raw)
      await until(() => raw.isClosed)
      assert.equal(ran(), 0)
      assert.equal(links.length, 1) // the member's
      assert.equal(mesh.link(raw.keyPair.publicKey.toString('hex')), undefined)
    })
  }

  test('stays silent is thrown out after the deadline of the hello', async (t) => {
    const { topicKey, mesh, key } = await startCounting(t)
    const silent = await dialRaw(t, topicKey, key)
    const halfway = await dialRaw(t, topicKey, key)
    await halfway.hello(topicKey.secret) // and never gets ready
    await until(() => silent.isClosed && halfway.isClosed)
    assert.equal(mesh.links().length, 0)
  })
})

test('a peer of another version is refused, and told which machine to update', async (t) => {
  const { topicKey, key, lines, ran } = await startCounting(t)
  const told = (version: number, machine: string) => {
    assert.match(String(lines.at(-1)?.['msg']), new RegExp(`version ${version} .* on ${machine}`))
  }
  const old = await dialRaw(t, topicKey, key)
  const reply = (await old.request('hello', { version: 4, role: 'worker', proof: '' })) as {
    error: WireError
  }
  assert.equal(reply.error.code, 'PROTOCOL_MISMATCH')
  assert.equal(reply.error.details?.['version'], PROTOCOL_VERSION)
  told(4, 'the other machine')

  const newer = await dialRaw(t, topicKey, key)
  const hello = newer.helloOf(topicKey.secret)
  hello[0] = PROTOCOL_VERSION + 1
  const { error } = await newer.hello(topicKey.secret, hello)
  assert.equal(error?.details?.['version'], PROTOCOL_VERSION)
  told(PROTOCOL_VERSION + 1, 'this machine')
  assert.equal(ran(), 0)
})

test('a listener of an older version is told from a stranger', async (t) => {
  const topicKey = await startDht(t)
  const dht = createDht(topicKey)
  atEnd(t, () => dht.destroy())
  const { keyPair, membership } = memberOf(topicKey, 'gateway')
  const server = new RPC({ dht, keyPair, valueEncoding: c.raw }).createServer()
  server.on('connection', (rpc) => rpc.respond('hello', () => Buffer.from('{}')))
  await server.listen(keyPair)
  const [{ discoverySecret }] = membership.epochs as unknown as [Epoch]
  await dht.announce(topicOf(discoverySecret, 'gateway'), keyPair).finished()
  const { log, lines } = recordingLogger()
  const dialler = await startPeer(t, topicKey, { role: 'bridge', log })
  dialler.follow('gateway')
  await until(() => lines.length > 0)
  assert.match(String(lines[0]?.['message']), /update HAIF on the other machine/)
})

test('whatever bytes a stranger sends, the process lives and goes on to serve', async (t) => {
  const { topicKey, mesh, key, ran } = await startCounting(t)
  const message = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    // Near to what the multiplexer understands: control messages, small channel numbers.
    fc.array(fc.nat(4), { minLength: 2, maxLength: 12 }).map((bytes) => Uint8Array.from(bytes))
  )
  const dialer = await startPeer(t, topicKey, { role: 'client' })
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 5 }), async (messages) => {
      const raw = await dialRaw(t, topicKey, key)
      for (const bytes of messages) raw.stream.write(Buffer.from(bytes))
      raw.stream.end()
      await until(() => raw.isClosed)
    }),
    { numRuns: 40 }
  )
  dialer.follow('gateway')
  await linkBetween(dialer, mesh)
  assert.equal(ran(), 0)
})

test('12 MB before the hello are refused when their length has come', async (t) => {
  const { topicKey, key, mesh } = await startCounting(t)
  const raw = await dialRaw(t, topicKey, key)
  const deep = Buffer.alloc(12_000_000, '[')
  const answer = raw.rpc.request(HELLO_METHOD, deep).then(
    () => 'answered',
    () => 'closed'
  )
  assert.equal(await answer, 'closed')
  assert.equal(mesh.links().length, 0)
})

test('many short messages before the hello are refused too', async (t) => {
  const { topicKey, key } = await startCounting(t)
  const raw = await dialRaw(t, topicKey, key)
  for (let i = 0; i < 20; i++) raw.rpc.event('nothing', Buffer.alloc(300))
  const closedAfter = performance.now()
  await until(() => raw.isClosed)
  assert.ok(performance.now() - closedAfter < HELLO_MS_MAX / 2)
})

test('the refusal of another version is turned round for the one who reads it', () => {
  const theirs = { code: 'PROTOCOL_MISMATCH', message: 'update HAIF on the other machine' }
  const newer = refusal({ ...theirs, details: { version: PROTOCOL_VERSION + 1 } })
  assert.match(newer.message, /update HAIF on this machine/)
  const older = refusal({ ...theirs, details: { version: PROTOCOL_VERSION - 1 } })
  assert.match(older.message, /update HAIF on the other machine/)
})

test('a listener that reflects our own hello, or calls us without any, gets nothing', async (t) => {
  const topicKey = await startDht(t)
  const dht = createDht(topicKey)
  atEnd(t, () => dht.destroy())
  const impostor = temporaryIdentity()
  const server = new RPC({ dht, keyPair: impostor, valueEncoding: c.raw }).createServer()
  const refusals: unknown[] = []
  server.on('connection', (rpc) => {
    const callIt = () =>
      rpc
        .request('test.call', Buffer.from(JSON.stringify({ i: 1, e: envelope, v: 1 })))
        .catch((error: unknown) => refusals.push(error))
    rpc.on('open', () => void callIt())
    rpc.respond(HELLO_METHOD, (hello) => {
      void callIt()
      return Buffer.concat([Buffer.from([1]), hello])
    })
  })
  await server.listen(impostor)
  const [{ discoverySecret }] = memberOf(topicKey, 'client').membership.epochs as unknown as [Epoch]
  await dht.announce(topicOf(discoverySecret, 'gateway'), impostor).finished()

  const { log, lines } = recordingLogger()
  let ran = 0
  const router = new Router().respond(call, () => ++ran)
  const dialler = await startPeer(t, topicKey, { role: 'bridge', router, log })
  dialler.follow('gateway')
  await until(() => refusals.length >= 4) // two connections: it was dialled again
  assert.equal(ran, 0)
  assert.deepEqual(dialler.links(), [])
  assert.equal(lines.length, 1) // once, and not with each dial
  assert.equal(lines[0]?.['code'], 'WRONG_MESH')
})
