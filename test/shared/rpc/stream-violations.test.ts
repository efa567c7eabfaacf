/** What a member of the mesh can do to another one by breaking SPEC.md: lose its connection. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Type } from 'typebox'
import type { HaifError } from '#shared/errors.ts'
import { ByteWriter } from '#shared/rpc/bytes.ts'
import { WINDOW } from '#shared/rpc/consumer-stream.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { FRAMES_PER_BATCH_MAX, FrameType } from '#shared/rpc/frames.ts'
import { Router } from '#shared/rpc/router.ts'
import { dialAsMember, type RawPeer } from '../../helpers/peers/peer-raw.ts'
import { contextFor, startDht, startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { ANYBODY } from '../../helpers/peers/anybody.ts'

const items = defineStream('test.items', ANYBODY, Type.Object({}), Type.Unknown(), Type.Unknown())
const echo = defineMethod('test.echo', ANYBODY, Type.Unknown(), Type.Unknown())

async function connect(t: TestContext) {
  const topicKey = await startDht(t)
  let started = 0
  const router = new Router()
    .respond(echo, (value) => value)
    .serve(items, async function* () {
      started++
      for (let n = 0; ; n++) yield n
    })
  const mesh = await startPeer(t, topicKey, { role: 'gateway', router })
  const raw = await dialAsMember(t, topicKey, mesh)
  const [link] = mesh.links()
  return { mesh, raw, link: link!, started: () => started }
}

function textBytes(text: string): Uint8Array {
  const writer = new ByteWriter()
  writer.text(text)
  return writer.take()
}

const bytesOf = (item: unknown): Uint8Array => textBytes(JSON.stringify(item))

const envelope = { requestId: 'r', deadlineMs: 20_000 }
const open = (id: number, body: object = { m: 'test.items', e: envelope, v: {} }) => ({
  type: FrameType.open,
  id,
  body: JSON.stringify(body)
})

test('S1, S3: an item without credit closes the connection, and nothing after it is looked at', async (t) => {
  const { mesh, raw, link, started } = await connect(t)
  const reading = link.stream(items, {}, contextFor(t))
  const first = reading.next()
  await until(() => raw.frames.length === 1)
  const item = { type: FrameType.items, id: 1, bytes: bytesOf('x'.repeat(WINDOW)) }
  raw.send(item) // overdraws the window, which one item may
  await first
  raw.send(item, open(1))
  await until(() => raw.isClosed && mesh.links().length === 0)
  assert.equal(started(), 0)
  await assert.rejects(reading.next(), { code: 'PEER_LOST' })
})

const malformed: [string, (raw: RawPeer) => void][] = [
  ['an unknown frame', (raw) => raw.sendBytes(Buffer.from([9, 1, 0]))],
  ['a batch that is cut off', (raw) => raw.sendBytes(Buffer.from([0, 1, 100, 120]))],
  ['a number that is too large', (raw) => raw.sendBytes(Buffer.alloc(12, 255))],
  ['an open that is no JSON', (raw) => raw.send({ type: FrameType.open, id: 1, body: '{' })],
  ['a stream id used twice', (raw) => raw.send(open(1), open(1))],
  ['a cancel that is no JSON', (raw) => raw.send(open(1), { type: FrameType.cancel, id: 1 })],
  [
    'too many frames in one batch',
    (raw) => raw.sendBytes(Buffer.alloc(3 * (FRAMES_PER_BATCH_MAX + 1), Buffer.from([1, 1, 0])))
  ],
  ['a second stream channel', (raw) => raw.openStreams()],
  ['a stream channel that is closed by itself', (raw) => raw.closeStreams()]
]
for (const [name, send] of malformed) {
  test(`S3: ${name} closes the connection, and the process lives`, async (t) => {
    const { mesh, raw } = await connect(t)
    send(raw)
    await until(() => raw.isClosed && mesh.links().length === 0)
  })
}

// Whoever passed it on may not have looked at it, and has other streams on this connection.
test('S12: bytes that are no item end their stream only, as a peer that is lost', async (t) => {
  const { mesh, raw, link } = await connect(t)
  const cut = bytesOf('x').subarray(0, 2)
  for (const [at, bytes] of [textBytes('{'), cut, Buffer.from([255, 255])].entries()) {
    const first = link.stream(items, {}, contextFor(t)).next()
    const id = at + 1
    await until(() => raw.frames.some((frame) => frame.id === id))
    raw.send({ type: FrameType.items, id, bytes })
    await assert.rejects(first, { code: 'PEER_LOST' })
    await until(() => raw.frames.some((f) => f.id === id && f.type === FrameType.cancel))
  }
  assert.equal(mesh.links().length, 1)
  assert.equal(link.openStreams, 0)
})

test('frames for streams that do not exist, and unknown fields, are ignored', async (t) => {
  const { raw, mesh } = await connect(t)
  for (const type of [1, 3, 4, 5] as const) {
    raw.send({ type, id: 7, credit: 5, body: '{}', bytes: bytesOf({}) })
  }
  raw.send({ type: FrameType.cancel, id: 7 })
  raw.send(open(1, { m: 'test.items', e: { ...envelope, new: 1 }, v: {}, new: 1 }))
  await until(() => raw.frames.some(({ type }) => type === FrameType.items))
  assert.equal(mesh.links().length, 1)
})

test('S4: only the first end of a stream counts, and the others are not kept', async (t) => {
  const { raw, link } = await connect(t)
  const reading = link.stream(items, {}, contextFor(t))
  const first = reading.next()
  await until(() => raw.frames.length === 1)
  const end = (body: string) => ({ type: FrameType.end, id: 1, body })
  raw.send(end('1'), end('2'), { type: FrameType.items, id: 1, bytes: bytesOf(3) })
  assert.deepEqual(await first, { done: true, value: 1 })
  assert.equal(link.openStreams, 0)
})

test('an open whose envelope does not fit ends that stream only', async (t) => {
  const { raw, mesh, started } = await connect(t)
  raw.send(open(1, { m: 'test.items', e: { ...envelope, requestId: 'r'.repeat(65) }, v: {} }))
  await until(() => raw.frames.length === 1)
  assert.equal(raw.frames[0]!.type, FrameType.error)
  assert.match(raw.frames[0]!.body, /VALIDATION_FAILED.*requestId/)
  assert.equal(started(), 0)
  assert.equal(mesh.links().length, 1)
})

test('a malformed call is answered with VALIDATION_FAILED, and the connection lives', async (t) => {
  const { raw, mesh } = await connect(t)
  for (const body of [null, {}, { i: 1 }, { i: 1, e: { requestId: '' } }, { i: 0, e: envelope }]) {
    const { error } = (await raw.request('test.echo', body)) as { error: HaifError }
    assert.equal(error.code, 'VALIDATION_FAILED')
  }
  raw.rpc.event('cancel', Buffer.from('no JSON'))
  raw.rpc.event('cancel', Buffer.from('{"i":5}'))
  assert.deepEqual(await raw.request('test.echo', { i: 1, e: envelope, v: 4 }), { ok: 4 })
  assert.equal(mesh.links().length, 1)
})
