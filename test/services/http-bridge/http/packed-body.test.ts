import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import zlib from 'node:zlib'
import { startBridge } from '../bridge.ts'

const MIB = 1024 * 1024
const PACK: Record<string, (text: string) => Buffer> = {
  gzip: (text) => zlib.gzipSync(text),
  deflate: (text) => zlib.deflateSync(text),
  br: (text) => zlib.brotliCompressSync(text),
  zstd: (text) => zlib.zstdCompressSync(text)
}
const bridge = await startBridge({ after })
const hi = JSON.stringify({ prompt: 'hi' })

async function send(body: Buffer, encoding: string): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
  const response = await bridge.send(body, headers)
  return { status: response.status, text: await response.text() }
}

test('a packed body is unpacked, whatever it is packed with', async () => {
  for (const [encoding, pack] of Object.entries(PACK)) {
    assert.equal((await send(pack(hi), encoding)).status, 200, encoding)
    // Large bodies are asked for, as they are where they come unpacked.
    const long = JSON.stringify({ prompt: 'a'.repeat(2 * MIB) })
    const { status, text } = await send(pack(long), encoding)
    assert.doesNotMatch(text, /BODY_TOO_LARGE/, encoding)
    assert.ok(status < 500, text)
  }
  assert.equal((await send(Buffer.from(hi), 'identity')).status, 200)
  assert.equal((await send(PACK['gzip']!(hi), 'X-GZip')).status, 200)
})

test('a small body that unpacks beyond the bound is refused there', async () => {
  const before = process.memoryUsage().rss
  const bomb = zlib.gzipSync(Buffer.alloc(512 * MIB, ' '), { level: 1 })
  assert.ok(bomb.length < 8 * MIB)
  const { status, text } = await send(bomb, 'gzip')
  assert.equal(status, 413, text)
  assert.match(text, /BODY_TOO_LARGE/)
  assert.ok(process.memoryUsage().rss - before < 1024 * MIB)
})

test('a body that is not what its header says is refused', async () => {
  for (const [encoding, pack] of Object.entries(PACK)) {
    for (const body of [Buffer.from(hi), pack(hi).subarray(0, -5), Buffer.from([0, 255, 0, 255])]) {
      const { status, text } = await send(body, encoding)
      assert.equal(status, 400, `${encoding}: ${text}`)
      assert.match(text, /VALIDATION_FAILED/)
    }
  }
  for (const encoding of ['compress', 'gzip, br', 'constructor']) {
    const { status, text } = await send(Buffer.from(hi), encoding)
    assert.equal(status, 415, text)
    assert.match(text, /pack the body with gzip, deflate, br or zstd/)
  }
})
