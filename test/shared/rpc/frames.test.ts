import assert from 'node:assert/strict'
import { test } from 'node:test'
import c from 'compact-encoding'
import fc from 'fast-check'
import {
  creditFrame,
  FRAME_CHARACTERS_MAX,
  frameBatch,
  FRAMES_PER_BATCH_MAX,
  FrameType,
  itemsFrame,
  jsonFrame,
  type Frame
} from '#shared/rpc/frames.ts'

const id = fc.maxSafeNat()
const text = fc.string({ unit: 'grapheme', maxLength: 300 })
const withBody = fc
  .tuple(fc.constantFrom<FrameType[]>(0, 2, 4, 5), id, text)
  .map(([type, id, body]) => ({ type, id, body, credit: 0, bytes: new Uint8Array() }))
const credit = fc.tuple(id, id).map(([id, credit]) => creditFrame(id, credit))
const items = fc
  .tuple(id, fc.uint8Array({ maxLength: 300 }))
  .map(([id, bytes]) => itemsFrame(id, Buffer.from(bytes)))
const frames: fc.Arbitrary<Frame[]> = fc.array(fc.oneof(withBody, credit, items))

const plain = (frame: Frame) => ({ ...frame, bytes: Array.from(frame.bytes) })

test('every batch of frames comes back as it was', () => {
  fc.assert(
    fc.property(frames, (batch) => {
      const decoded = c.decode(frameBatch, c.encode(frameBatch, batch))
      assert.deepEqual(decoded.map(plain), batch.map(plain))
    })
  )
})

test('every JSON value comes back as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const batch = [jsonFrame(FrameType.end, 1, value)]
      const [frame] = c.decode(frameBatch, c.encode(frameBatch, batch))
      assert.deepEqual(JSON.parse(frame!.body), JSON.parse(JSON.stringify(value)))
    })
  )
})

// The multiplexer ends the process on a TypeError or a RangeError, so a decoder must not throw one.
test('S3: arbitrary bytes are frames or a plain error, never a programming error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        for (const frame of c.decode(frameBatch, Buffer.from(bytes))) assert.ok(frame.type <= 5)
      } catch (error) {
        assert.equal(Object.getPrototypeOf(error), Error.prototype)
      }
    }),
    { numRuns: 2000 }
  )
})

test('a batch and a frame have a bound', () => {
  const frame = creditFrame(1, 1)
  const batch = c.encode(
    frameBatch,
    Array.from({ length: FRAMES_PER_BATCH_MAX }, () => frame)
  )
  assert.equal(c.decode(frameBatch, batch).length, FRAMES_PER_BATCH_MAX)
  assert.throws(() => c.decode(frameBatch, Buffer.concat([batch, batch])), /too many frames/)

  const large = jsonFrame(FrameType.end, 1, 'x'.repeat(FRAME_CHARACTERS_MAX - 2))
  assert.equal(c.decode(frameBatch, c.encode(frameBatch, [large])).length, 1)
  large.body += 'x'
  assert.throws(() => c.decode(frameBatch, c.encode(frameBatch, [large])), /too large/)
  assert.throws(() => jsonFrame(FrameType.end, 1, large.body), { code: 'BODY_TOO_LARGE' })
})
