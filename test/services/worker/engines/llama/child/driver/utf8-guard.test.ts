/** Which bytes may follow each other under a grammar: those of UTF-8. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Utf8Guard } from '../../../../../../../services/worker/engines/llama/child/driver/utf8-guard.ts'
import type { Token } from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'

/** The tokens 0 to 255 are the bytes; some more have several. */
const PIECES = [
  'of',
  '日',
  ' é',
  [0x20, 0xe0],
  [0x97, 0xa5],
  [0xf0, 0x9f],
  [0xf0, 0x86],
  [0xc0, 0x80]
]
const BYTES = [
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...PIECES.map((piece) =>
    typeof piece === 'string' ? Buffer.from(piece) : Uint8Array.from(piece)
  )
]
const tokenOf = (id: number) => id as Token
const guard = new Utf8Guard(
  (token) => BYTES[token]!,
  () => BYTES.keys().map(tokenOf)
)
const [SPACE_E0, F0_9F, F0_86, C0_80] = [259, 261, 262, 263].map(tokenOf) as [
  Token,
  Token,
  Token,
  Token
]

function isUtf8(...bytes: number[]): boolean {
  return !Buffer.from(bytes).toString().includes('\u{fffd}')
}

suite('UTF-8 under a grammar', () => {
  test('of all bytes that can follow a first one, those of characters may', () => {
    for (let first = 0xc0; first <= 0xff; first++) {
      const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
      const more = Array<number>(length - 2).fill(0x80)
      const isFirst = guard.allows(0, tokenOf(first))
      const open = guard.openAfter(tokenOf(first))
      for (let second = 0x80; second <= 0xbf; second++) {
        const may = isFirst && guard.allows(open, tokenOf(second))
        assert.equal(may, isUtf8(first, second, ...more), `${first} ${second}`)
      }
    }
  })

  test('a token counts with its first and its last byte', () => {
    assert.ok(guard.allows(guard.openAfter(SPACE_E0), tokenOf(0xa0)))
    assert.ok(!guard.allows(guard.openAfter(SPACE_E0), tokenOf(0x97)))
    assert.ok(guard.allows(0, F0_9F))
    assert.ok(!guard.allows(0, F0_86))
    assert.equal(guard.openAfter(F0_9F), 0)
  })

  test('the tokens that are barred are those that may not follow', () => {
    for (const open of [0, 0xe0, 0xed, 0xf0, 0xf4]) {
      const barred = new Set(guard.barred(open))
      for (const id of BYTES.keys()) {
        assert.equal(barred.has(tokenOf(id)), !guard.allows(open, tokenOf(id)), `${open} ${id}`)
      }
    }
    assert.ok(new Set(guard.barred(0)).has(C0_80))
  })
})
