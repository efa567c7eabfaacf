import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BLOCKS_PER_MESSAGE_MAX,
  headOf,
  readHints,
  writeHints
} from '../../../../services/orchestrator/prefixes/hint-message.ts'

const SENDER = '0123456789abcdef'
const KEY = 'ab'.repeat(32)
const messageOf = (bytes: Buffer) => headOf(SENDER) + bytes.toString('base64')
const entry = (count: number, ...blocks: number[]) => {
  const bytes = Buffer.alloc(34 + blocks.length * 8, 1)
  bytes.writeUInt16LE(count, 32)
  blocks.forEach((block, i) => bytes.writeDoubleLE(block, 34 + 8 * i))
  return bytes
}

test('what was written is read', () => {
  const block = fc.oneof(
    fc.constantFrom(0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  )
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const hint = fc
    .tuple(key, fc.array(block, { minLength: 1, maxLength: 100 }))
    .map(([bytes, blocks]) => ({ workerKey: Buffer.from(bytes).toString('hex'), blocks }))
  fc.assert(
    fc.property(fc.array(hint, { minLength: 1, maxLength: 20 }), (hints) => {
      assert.deepEqual(readHints(writeHints(SENDER, hints)), hints)
    })
  )
})

test('the longest message is read, and none with more blocks', () => {
  const longest = Array.from({ length: BLOCKS_PER_MESSAGE_MAX }, () => ({
    workerKey: KEY,
    blocks: [1]
  }))
  assert.deepEqual(readHints(writeHints(SENDER, longest)), longest)
  const tooMany = [{ workerKey: KEY, blocks: Array<number>(BLOCKS_PER_MESSAGE_MAX + 1).fill(1) }]
  assert.equal(readHints(writeHints(SENDER, tooMany)), null)
  assert.equal(readHints(writeHints(SENDER, [...longest, ...longest])), null)
})

test('what is broken or of another version is not read', () => {
  assert.notEqual(readHints(messageOf(entry(2, 1, 2))), null) // so each case differs in one thing
  const good = messageOf(entry(2, 1, 2))
  const broken = {
    nothing: '',
    'no bytes': messageOf(Buffer.alloc(0)),
    JSON: '{"hints":[]}',
    'another version': good.replace('1.', '2.'),
    'a sender that is too long': good.replace(SENDER, `${SENDER}0`),
    'half a key': messageOf(entry(2, 1, 2).subarray(0, 20)),
    'no blocks': messageOf(entry(0)),
    'fewer blocks than said': messageOf(entry(3, 1, 2)),
    'more blocks than said': messageOf(entry(1, 1, 2)),
    'half a block': messageOf(entry(2, 1, 2).subarray(0, -4)),
    'a fraction': messageOf(entry(2, 1, 0.5)),
    'a negative block': messageOf(entry(2, 1, -1)),
    'no number': messageOf(entry(2, 1, NaN)),
    'a number beyond 53 bits': messageOf(entry(2, 1, 2 ** 53)),
    'a good entry before a broken one': messageOf(Buffer.concat([entry(1, 1), entry(1, NaN)]))
  }
  for (const [what, message] of Object.entries(broken)) assert.equal(readHints(message), null, what)
})

test('whatever it is given, reading neither throws nor returns what is no hint', () => {
  for (let i = 0; i < 2000; i++) {
    const bytes = randomBytes(1 + (i % 200))
    for (const message of [messageOf(bytes), bytes.toString('latin1')]) {
      for (const { workerKey, blocks } of readHints(message) ?? []) {
        assert.match(workerKey, /^[0-9a-f]{64}$/)
        assert.ok(blocks.every((block) => Number.isSafeInteger(block) && block >= 0))
      }
    }
  }
})
