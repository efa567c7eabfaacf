/**
 * The manifest of a file of weights: the SHA-256 of each of its chunks, bound to the SHA-256 and
 * the size of the whole. The worker that has hashed the file signs the text; the root in it stands
 * for the digests, which travel beside it. Pure.
 */
import { hash } from 'node:crypto'
import { Type } from 'typebox'
import { Sha256 } from '#shared/contracts/peers/weights.ts'
import { HaifError } from '#shared/errors.ts'
import { check } from '#shared/rpc/check.ts'
import { Compile } from '#shared/validator.ts'
import { PIECE_BYTES } from '../models/download/pieces.ts'

/** Large enough that a round trip for each costs little, small enough to fetch again. */
const CHUNK_BYTES = 4 << 20
const CHUNK_BYTES_MAX = 64 << 20
/** 256 GB in the smallest chunks, 4 TB in the largest. */
const CHUNKS_MAX = 65_536
export const DIGEST_BYTES = 32
/** Of all digests of a manifest. */
export const MANIFEST_BYTES_MAX = CHUNKS_MAX * DIGEST_BYTES

const Signed = Compile(
  Type.Object({
    sha256: Sha256,
    bytes: Type.Integer({ minimum: 1, maximum: CHUNKS_MAX * CHUNK_BYTES_MAX }),
    chunkBytes: Type.Integer({
      minimum: PIECE_BYTES,
      maximum: CHUNK_BYTES_MAX,
      multipleOf: PIECE_BYTES
    }),
    root: Sha256
  })
)

export interface Manifest {
  sha256: string
  bytes: number
  chunkBytes: number
  /** The digests, one after the other. */
  digests: Buffer
}

/** As few as fit into a manifest; `least` is a whole number of pieces. */
export function chunkBytesFor(bytes: number, least = CHUNK_BYTES): number {
  let chunkBytes = least
  while (bytes / chunkBytes > CHUNKS_MAX) chunkBytes *= 2
  if (chunkBytes > CHUNK_BYTES_MAX) throw new RangeError('the file is larger than any model')
  return chunkBytes
}

export const chunksOf = ({ bytes, chunkBytes }: Pick<Manifest, 'bytes' | 'chunkBytes'>): number =>
  Math.ceil(bytes / chunkBytes)

export function rangeOf(
  { bytes, chunkBytes }: Manifest,
  chunk: number
): { from: number; to: number } {
  return { from: chunk * chunkBytes, to: Math.min(bytes, (chunk + 1) * chunkBytes) }
}

export const isRightChunk = ({ digests }: Manifest, chunk: number, digest: Uint8Array): boolean =>
  digests.subarray(chunk * DIGEST_BYTES, (chunk + 1) * DIGEST_BYTES).equals(digest)

export function manifestText({ sha256, bytes, chunkBytes, digests }: Manifest): string {
  return JSON.stringify({ sha256, bytes, chunkBytes, root: hash('sha256', digests) })
}

/** Throws VALIDATION_FAILED where the two do not belong together, or are about another file. */
export function parseManifest(
  text: string,
  digests: Buffer,
  wanted: { sha256: string; bytes?: number }
): Manifest {
  const { sha256, bytes, chunkBytes, root } = check(Signed, parse(text), 'manifest')
  const isWanted = sha256 === wanted.sha256 && (wanted.bytes ?? bytes) === bytes
  if (!isWanted) throw invalid('it is about another file')
  const isWhole = digests.length === chunksOf({ bytes, chunkBytes }) * DIGEST_BYTES
  if (!isWhole || hash('sha256', digests) !== root) throw invalid('its digests are others')
  return { sha256, bytes, chunkBytes, digests }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('it is no JSON')
  }
}

const invalid = (why: string): HaifError =>
  new HaifError('VALIDATION_FAILED', `the manifest of a model file is refused: ${why}`)
