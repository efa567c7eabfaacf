/**
 * SPEC.md S13: items that are made together travel together, as another peer sees it on the wire.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Type } from 'typebox'
import { ByteReader, ByteWriter } from '#shared/rpc/bytes.ts'
import { defineStream } from '#shared/rpc/contract.ts'
import { FrameType, type Frame } from '#shared/rpc/frames.ts'
import { ITEMS_PER_FRAME_MAX } from '#shared/rpc/items.ts'
import { SHARED_FRAME_BYTES } from '#shared/rpc/producer-stream.ts'
import { Router } from '#shared/rpc/router.ts'
import { dialAsMember } from '../../helpers/peers/peer-raw.ts'
import { contextFor, startDht, startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { ANYBODY } from '../../helpers/peers/anybody.ts'

const items = defineStream('test.items', ANYBODY, Type.Object({}), Type.String(), Type.Null())

/** A peer that answers with what `produce` makes, and one that sees each of its frames. */
async function connect(t: TestContext, produce: () => AsyncGenerator<string, null, void>) {
  const topicKey = await startDht(t)
  const router = new Router().serve(items, produce)
  const mesh = await startPeer(t, topicKey, { role: 'gateway', router })
  const raw = await dialAsMember(t, topicKey, mesh)
  const open = () => {
    const body = { m: 'test.items', e: { requestId: 'r', deadlineMs: 20_000 }, v: {} }
    raw.send({ type: FrameType.open, id: 1, body: JSON.stringify(body) })
  }
  const frames = () => raw.frames.filter(({ type }) => type === FrameType.items)
  const ended = () => until(() => raw.frames.some(({ type }) => type === FrameType.end))
  return { link: mesh.links()[0]!, raw, open, frames, ended }
}

function itemsIn({ bytes }: Frame): string[] {
  const reader = new ByteReader(bytes)
  const found: string[] = []
  while (reader.left > 0) found.push(JSON.parse(reader.text()) as string)
  return found
}

const numbered = (count: number, padding = ''): string[] =>
  Array.from({ length: count }, (_, n) => `${n}${padding}`)

test('S13: items made in one turn of the event loop share a frame, each still an item', async (t) => {
  const { open, frames, ended } = await connect(t, async function* () {
    yield* numbered(100)
    return null
  })
  open()
  await ended()
  assert.deepEqual(frames().map(itemsIn), [numbered(100)])
})

test('S13: a frame that has 4 KiB takes no further item', async (t) => {
  const made = numbered(120, 'x'.repeat(100))
  const { open, frames, ended } = await connect(t, async function* () {
    yield* made
    return null
  })
  open()
  await ended()
  assert.deepEqual(frames().flatMap(itemsIn), made)
  const sizes = frames().map(({ bytes }) => bytes.length)
  const itemBytes = made.at(-1)!.length + 3 // its quotes and its length
  assert.ok(sizes.length > 1)
  for (const size of sizes.slice(0, -1)) {
    assert.ok(size >= SHARED_FRAME_BYTES && size < SHARED_FRAME_BYTES + itemBytes, `${size} bytes`)
  }
})

test('S13: nothing waits for a later turn', async (t) => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { open, frames, ended } = await connect(t, async function* () {
    yield 'first'
    await released // not before the first has arrived, or this test does not end
    yield 'second'
    yield 'third'
    return null
  })
  open()
  await until(() => frames().length === 1)
  release()
  await ended()
  assert.deepEqual(frames().map(itemsIn), [['first'], ['second', 'third']])
})

test('S13: a frame has at most 4,096 items; one more is no frame of items', async (t) => {
  const { link, raw } = await connect(t, async function* () {
    yield* numbered(0)
    return null
  })
  const frameOf = (count: number, id: number) => {
    const writer = new ByteWriter()
    for (let n = 0; n < count; n++) writer.text('""')
    return { type: FrameType.items, id, bytes: writer.take() }
  }
  const read = async (count: number, id: number) => {
    const stream = link.batches(items, {}, contextFor(t))
    const first = stream.next()
    await until(() => raw.frames.some((frame) => frame.id === id))
    raw.send(frameOf(count, id))
    const { done, value: batch } = await first
    assert.equal(done, false)
    try {
      return (batch as { items(): readonly string[] }).items().length
    } finally {
      await stream.return(null)
    }
  }
  assert.equal(await read(ITEMS_PER_FRAME_MAX, 1), 4096)
  await assert.rejects(read(ITEMS_PER_FRAME_MAX + 1, 2), { code: 'PEER_LOST' })
  assert.equal(link.isClosed, false) // S12
})
