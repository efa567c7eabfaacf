/**
 * The check of GGUF headers: what is whole passes, and no damage makes it throw, hang or read
 * outside.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { checkGgufHeader } from '../../../../../../../services/worker/engines/llama/parent/file/gguf-header.ts'
import { writeRandomModel } from '../../../../../../../tools/haif-tiny/gguf/random-model.ts'
import { xorshift } from '../../../../../../../tools/haif-tiny/gguf/xorshift.ts'
import { BUILTIN_MODEL } from '../../engines.ts'

const folder = mkdtempSync(join(tmpdir(), 'haif-gguf-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'random.gguf')
writeRandomModel(path, { keyValues: [['general.alignment', 'u32', 32]] })
const good = readFileSync(path)
const builtin = readFileSync(BUILTIN_MODEL)

const check = (bytes: Buffer, size = bytes.length) => checkGgufHeader(bytes, size)
const reasonOf = (bytes: Buffer) => {
  const checked = check(bytes)
  return 'reason' in checked ? checked.reason : checked.kind
}

/** A copy with other bytes at a place. */
function changed(at: number, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(good)
  change(bytes.subarray(at))
  return bytes
}
const huge = (bytes: Buffer) => void bytes.writeBigUInt64LE(1n << 62n)
const placeOf = (text: string) => good.indexOf(text)

suite('GGUF header', () => {
  test('whole files pass, and a part of the header says that it needs more', () => {
    for (const bytes of [good, builtin]) assert.equal(check(bytes).kind, 'ok')
    for (const bytes of [0, 7, 24, 100, 5000]) {
      assert.deepEqual(check(good.subarray(0, bytes), good.length), { kind: 'needsBytes' })
    }
  })

  test('a file that ends too early is told by its tensors', () => {
    assert.match(reasonOf(good.subarray(0, -1)), /ends before its tensor/)
    assert.match(reasonOf(good.subarray(0, 5000)), /beyond the end of the file/)
  })

  test('numbers that cannot be are named', () => {
    const cases: [Buffer, RegExp][] = [
      [changed(0, (bytes) => void bytes.write('GGML')), /not a GGUF file/],
      [
        changed(4, (bytes) => void bytes.writeUInt32LE(77)),
        /version 77 is not known here: update HAIF/
      ],
      [changed(8, huge), /more than 65536 tensors/],
      [changed(16, huge), /more than 65536 metadata entries/],
      [changed(24, huge), /a key of its metadata is longer/],
      [changed(placeOf('general.name') + 12 + 4, huge), /beyond the end of the file/],
      [
        changed(placeOf('tokenizer.ggml.scores'.slice(0, 14) + '.tokens') + 21 + 8, huge),
        /more entries/
      ],
      [changed(placeOf('general.alignment') + 21, (b) => void b.writeUInt32LE(31)), /power of two/],
      [changed(placeOf('token_embd.weight') + 17, (b) => void b.writeUInt32LE(9)), /9 dimensions/],
      [changed(placeOf('token_embd.weight') + 21, huge), /embd.weight is larger than any file/],
      [
        changed(placeOf('token_embd.weight') + 37, (b) => void b.writeUInt32LE(4)),
        /type that is not/
      ],
      [changed(placeOf('token_embd.weight') + 41, (b) => void b.writeUInt8(7)), /is not aligned/]
    ]
    for (const [bytes, reason] of cases) assert.match(reasonOf(bytes), reason)
  })

  test('any damage ends in an answer of one line', () => {
    const random = xorshift(7)
    const below = (count: number) => Math.floor(random() * count)
    let bad = 0
    for (let i = 0; i < 5000; i++) {
      const bytes = Buffer.from(good.subarray(0, 16_384))
      for (let flips = 1 + below(8); flips > 0; flips--) bytes[4 + below(12_000)] = below(256)
      const checked = check(bytes, good.length)
      if (checked.kind !== 'bad') continue
      bad++
      assert.match(checked.reason, /^[\x20-\x7E]{1,200}$/)
    }
    assert.ok(bad > 100, `${bad} were told`)
  })
})
