/**
 * Vectors as they travel: 32-bit little-endian floats in base64. Apart from the schemas of
 * embeddings, because the process of a model needs no schema and starts without the validator.
 */
import { HaifError } from '#shared/errors.ts'

/**
 * Bytes of all vectors of a reply together: in base64 they are a third larger, and a call has 4
 * MiB.
 */
export const VECTOR_BYTES_MAX = 2_883_584

/** Refuses more than one reply can carry. */
export function encodeVectors(vectors: readonly Float32Array[]): string[] {
  const bytes = vectors.reduce((sum, vector) => sum + vector.byteLength, 0)
  if (bytes > VECTOR_BYTES_MAX) {
    const most = Math.floor((VECTOR_BYTES_MAX / bytes) * vectors.length)
    throw new HaifError(
      'VALIDATION_FAILED',
      `the vectors of ${vectors.length} inputs are too much for one call: send at most ${most}`,
      { details: { inputsMax: most } }
    )
  }
  return vectors.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength).toString('base64')
  )
}

export function decodeVector(vector: string): Float32Array {
  // a copy, as floats have to be aligned
  const bytes = Uint8Array.from(Buffer.from(vector, 'base64'))
  return new Float32Array(bytes.buffer)
}
