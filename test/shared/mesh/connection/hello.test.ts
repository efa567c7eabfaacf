/** S11 of shared/rpc/SPEC.md: who cannot prove the mesh secret gets no message through. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import RPC from '@hyperswarm/rpc'
import c from 'compact-encoding'
import fc from 'fast-check'
import { Type } from 'typebox'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { PROTOCOL_VERSION, refusal } from '#shared/mesh/connection/hello.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import type { TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { topicOf } from '#shared/mesh/discovery/topics.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { FrameType } from '#shared/rpc/frames.ts'
import { Router } from '#shared/rpc/router.ts'
import type { WireError } from '#shared/rpc/wire-error.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { dialAsMember, dialRaw, type RawPeer } from '../../../helpers/peers/peer-raw.ts'
import { atEnd, linkBetween, startDht, startPeer } from '../../../helpers/peers/peers.ts'
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

async function errorOf(reply: Promise<unknown>): Promise<WireError> {
  const { error } = (await reply) as { error: WireError }
  return error
}

const otherSecret = randomBytes(32)
type Approach = (raw: RawPeer, topicKey: TopicKey, member: RawPeer) => Promise<void>
const approaches: Record<string, Approach> = {
  'has another secret': async (raw) => {
    const { code, message } = await errorOf(raw.hello(otherSecret))
    assert.equal(code, 'WRONG_MESH')
    assert.match(message, /topic key/)
  },
  'says no hello at all': async () => {},
  'says ready without a hello': async (raw) => raw.ready(),
  'replays the hello of another connection': async (raw, { secret }, member) => {
    const { code } = await errorOf(raw.request('hello', member.helloOf(secret)))
    assert.equal(code, 'WRONG_MESH')
  },
  'claims another role than it has proven': async (raw, { secret }) => {
    const { code } = await errorOf(raw.hello(secret, { role: 'orchestrator' }))
    assert.equal(code, 'WRONG_MESH')
  },
  'guesses twice': async (raw, { secret }) => {
    await raw.hello(otherSecret)
    await assert.rejects(raw.hello(secret), { code: 'UNKNOWN_METHOD' })
  },
  'sends a malformed hello': async (raw) => {
    const { code } = await errorOf(raw.hello(otherSecret, { proof: 7 }))
    assert.equal(code, 'PROTOCOL_MISMATCH')
  },
  'sends a hello that is no JSON': async (raw) => {
    const reply = await raw.rpc.request('hello', Buffer.from('{'))
    assert.match(reply.toString(), /PROTOCOL_MISMATCH/)
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

test('a peer that speaks another version is refused, and told which machine to update', async (t) => {
  const { topicKey, key, lines, ran } = await startCounting(t)
  for (const [version, machine] of [
    [PROTOCOL_VERSION - 1, 'the other machine'],
    [PROTOCOL_VERSION + 1, 'this machine']
  ] as const) {
    const raw = await dialRaw(t, topicKey, key)
    const error = await errorOf(raw.hello(topicKey.secret, { version, proof: 'of another kind' }))
    assert.equal(error.code, 'PROTOCOL_MISMATCH')
    assert.equal(error.details?.['version'], PROTOCOL_VERSION)
    assert.match(String(lines.at(-1)?.['msg']), new RegExp(`update HAIF on ${machine}`))
  }
  assert.equal(ran(), 0)
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

test('the refusal of another version is turned round for the one who reads it', () => {
  const theirs = { code: 'PROTOCOL_MISMATCH', message: 'update HAIF on the other machine' }
  const newer = refusal({ ...theirs, details: { version: PROTOCOL_VERSION + 1 } })
  assert.match(newer.message, /update HAIF on this machine/)
  const older = refusal({ ...theirs, details: { version: PROTOCOL_VERSION - 1 } })
  assert.match(older.message, /update HAIF on the other machine/)
})

test('a listener that reflects our own proof, or calls us without any, gets nothing', async (t) => {
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
    rpc.respond('hello', (hello) => {
      void callIt()
      return Buffer.from(JSON.stringify({ ok: JSON.parse(hello.toString()) as unknown }))
    })
  })
  await server.listen(impostor)
  await dht.announce(topicOf(topicKey.secret, 'gateway'), impostor).finished()

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
