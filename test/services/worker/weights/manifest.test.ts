/** The manifest of a model file: what it takes, and what it refuses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chunkBytesFor,
  isRightChunk,
  manifestText,
  MANIFEST_BYTES_MAX,
  parseManifest,
  rangeOf
} from '../../../../services/worker/weights/manifest.ts'
import { manifestOf, MB, sha256, weightsOf } from './seeds.ts'

const BYTES = weightsOf(2)
const manifest = manifestOf(BYTES)
const text = manifestText(manifest)
const refused = (said: string, digests: Buffer, wanted: { sha256: string; bytes?: number }) =>
  assert.throws(() => parseManifest(said, digests, wanted), { code: 'VALIDATION_FAILED' })

test('a manifest comes back as it was written, and names each chunk', () => {
  assert.deepEqual(parseManifest(text, manifest.digests, { sha256: manifest.sha256 }), manifest)
  assert.deepEqual(rangeOf(manifest, 2), { from: 2 * MB, to: 2 * MB + 17 })
  const digest = Buffer.from(sha256(BYTES.subarray(MB, 2 * MB)), 'hex')
  assert.equal(isRightChunk(manifest, 1, digest), true)
  assert.equal(isRightChunk(manifest, 0, digest), false)
})

test('a manifest about another file, of another size or with other digests is refused', () => {
  refused(text, manifest.digests, { sha256: 'a'.repeat(64) })
  refused(text, manifest.digests, { sha256: manifest.sha256, bytes: 5 })
  refused(text, manifest.digests.subarray(32), manifest)
  refused(text, Buffer.alloc(manifest.digests.length), manifest)
  refused('{', manifest.digests, manifest)
  refused(JSON.stringify({ ...manifest, root: 1 }), manifest.digests, manifest)
  const odd = { sha256: manifest.sha256, bytes: 1, chunkBytes: 1000, root: sha256(Buffer.alloc(0)) }
  refused(JSON.stringify(odd), Buffer.alloc(0), odd)
})

test('chunks grow with the file, so that a manifest stays within its bound', () => {
  assert.equal(chunkBytesFor(5e9), 4 * MB)
  for (const bytes of [1, 256 * 2 ** 30, 257 * 2 ** 30, 4e12]) {
    assert.ok(Math.ceil(bytes / chunkBytesFor(bytes)) * 32 <= MANIFEST_BYTES_MAX, String(bytes))
  }
  assert.throws(() => chunkBytesFor(5e12), RangeError)
})
