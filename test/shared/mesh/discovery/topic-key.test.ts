import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import z32 from 'z32'
import { HaifError } from '#shared/errors.ts'
import { decodeTopicKey, encodeTopicKey, REACHES } from '#shared/mesh/discovery/topic-key.ts'

const address = fc
  .tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => ({ host, port }))
const topicKeys = fc
  .tuple(
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.constantFrom(...REACHES),
    fc.array(address, { maxLength: 8 })
  )
  .map(([secret, reach, bootstrap]) => ({ secret: Buffer.from(secret), reach, bootstrap }))

const samples = [0, 1, 2, 8].map((addresses) =>
  encodeTopicKey({
    secret: randomBytes(32),
    reach: 'lan',
    bootstrap: Array.from({ length: addresses }, () => ({ host: '192.168.1.20', port: 49737 }))
  })
)

function assertRefused(text: string, message: RegExp = /^the topic key .*; copy the whole line/) {
  assert.throws(
    () => decodeTopicKey(text),
    (error) => {
      assert.ok(error instanceof HaifError, text)
      assert.equal(error.code, 'TOPIC_KEY_INVALID')
      assert.match(error.message, message)
      return true
    }
  )
}

test('every topic key comes back as it was', () => {
  fc.assert(
    fc.property(topicKeys, (topicKey) => {
      assert.deepEqual(decodeTopicKey(encodeTopicKey(topicKey)), topicKey)
    })
  )
})

test('white space around it and the case do not matter', () => {
  for (const text of samples) {
    const decoded = decodeTopicKey(text)
    assert.deepEqual(decodeTopicKey(` ${text}\n`), decoded)
    assert.deepEqual(decodeTopicKey(text.toUpperCase()), decoded)
  }
})

test('every single mistyped character is noticed', () => {
  for (const text of samples) {
    for (let at = 0; at < text.length; at++) {
      for (const character of 'ybndrfg8ejkmcpqxot1uwisza345h769lv02_-') {
        if (text[at] === character) continue
        assertRefused(text.slice(0, at) + character + text.slice(at + 1))
      }
    }
  }
})

test('two characters that changed places, one too many and one missing are noticed', () => {
  for (const text of samples) {
    for (let at = 0; at < text.length; at++) {
      assertRefused(text.slice(0, at) + text.slice(at + 1))
      assertRefused(`${text.slice(0, at)}y${text.slice(at)}`)
      const [a, b] = [text[at]!, text[at + 1]]
      if (b !== undefined && a !== b) assertRefused(text.slice(0, at) + b + a + text.slice(at + 2))
    }
  }
})

test('every truncation is noticed', () => {
  for (const text of samples) {
    for (let length = 0; length < text.length; length++) assertRefused(text.slice(0, length))
  }
})

test('something else altogether is told what a topic key looks like', () => {
  assertRefused('', /begin with "haif_"/)
  assertRefused('hello', /begin with "haif_"/)
  assertRefused(samples[0]!.replace('haif_', 'haif-'), /begin with "haif_"/)
  assertRefused('haif_', /is cut off/)
  assertRefused('haif_ vvvv', /no topic key has/)
})

test('a key of a newer version is told apart from a mistyped one', () => {
  const bytes = Buffer.alloc(60, 7)
  bytes[0] = 2
  assertRefused(`haif_${z32.encode(bytes)}`, /has version 2, and this HAIF knows 1/)
})
