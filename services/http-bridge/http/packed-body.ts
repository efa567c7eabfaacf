/**
 * Unpacks a body that a client has compressed. Its bounds are those of the unpacked bytes, which
 * are made only as they are read: a small body that unpacks to gigabytes ends at the bound.
 */
import type { Readable } from 'node:stream'
import zlib from 'node:zlib'
import { HaifError } from '#shared/errors.ts'

const UNPACKERS = {
  gzip: () => zlib.createGunzip(),
  'x-gzip': () => zlib.createGunzip(),
  deflate: () => zlib.createInflate(),
  br: () => zlib.createBrotliDecompress(),
  zstd: () => zlib.createZstdDecompress()
} as const

const SHOWN_CHARACTERS_MAX = 32

interface Unpacked extends Disposable {
  body: Readable
  /** Null where the body came as it is. */
  packing: string | null
}

export function unpack(body: Readable, encoding = ''): Unpacked {
  const packing = encoding.trim().toLowerCase()
  if (packing === '' || packing === 'identity') {
    return { body, packing: null, [Symbol.dispose]() {} }
  }
  if (!isKnown(packing)) throw unknownPacking(packing)
  const unpacker = UNPACKERS[packing]()
  const onClose = () => {
    if (!body.readableEnded) unpacker.destroy() // the client went away
  }
  body.once('close', onClose).pipe(unpacker)
  return {
    body: unpacker,
    packing,
    [Symbol.dispose]() {
      body.off('close', onClose).unpipe(unpacker)
      unpacker.on('error', () => {}) // nobody reads on
      unpacker.destroy()
      body.resume() // what is left of it is dropped
    }
  }
}

const isKnown = (packing: string): packing is keyof typeof UNPACKERS =>
  Object.hasOwn(UNPACKERS, packing)

function unknownPacking(packing: string): HaifError {
  const shown = JSON.stringify(packing.slice(0, SHOWN_CHARACTERS_MAX))
  return new HaifError(
    'UNSUPPORTED_MEDIA_TYPE',
    `content-encoding is ${shown}: pack the body with gzip, deflate, br or zstd, or not at all`
  )
}
