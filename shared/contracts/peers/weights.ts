/**
 * Model files from worker to worker, by their SHA-256. A worker asks its orchestrators who has a
 * model, and then those workers for a manifest of each file and for ranges of its bytes. A range is
 * believed when its SHA-256 is the one in the manifest, and the file when its SHA-256 is the one
 * that was asked for: so nobody has to be trusted with the weights of a model.
 */
import { Type, type Static } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import type { ItemCodec } from '#shared/rpc/items.ts'
import { PeerKey } from './links.ts'
import { Statement } from './order.ts'
import { between } from './parties.ts'
import { PlainText } from '../plain-text.ts'

/** Workers that are named to one that asks. */
export const SEEDERS_MAX = 16
/** Files of a split model. */
const FILES_MAX = 512
/** Of one item: large, because these connections carry no tokens. */
export const WEIGHT_ITEM_BYTES = 1 << 20
const BYTES_MAX = Number.MAX_SAFE_INTEGER

export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Bytes = Type.Integer({ minimum: 1, maximum: BYTES_MAX })
const BETWEEN_WORKERS = between(['worker'], ['worker'])

const Item = Type.Unsafe<Uint8Array>(Type.Unknown())
const bytesCodec: ItemCodec<Uint8Array> = {
  encode: (bytes, to) => to.bytes(bytes),
  decode(from) {
    const bytes = from.bytes()
    if (bytes.length > WEIGHT_ITEM_BYTES) throw new Error('an item of weights is too large')
    return bytes
  }
}

/**
 * The connected workers that have a model on their disk and may give it to others: by its digest,
 * or by where they say that it came from.
 */
export const orchestratorSeeders = defineMethod(
  'orchestrator.seeders',
  between(['worker'], ['orchestrator']),
  Type.Object({
    digest: Type.Optional(Sha256),
    source: Type.Optional(PlainText(512, 1))
  }),
  Type.Object({ workers: Type.Array(PeerKey, { maxItems: SEEDERS_MAX }) })
)

const WeightFile = Type.Object({ sha256: Sha256, bytes: Bytes })
export type WeightFile = Static<typeof WeightFile>

/** The files of a model, in their order; the digest of the model follows from theirs. */
export const listWeights = defineMethod(
  'worker.listWeights',
  BETWEEN_WORKERS,
  Type.Object({ digest: Sha256 }),
  Type.Object({ files: Type.Array(WeightFile, { minItems: 1, maxItems: FILES_MAX }) })
)

/** The digests of a file's chunks, 32 bytes each, and what the worker that made them signs. */
export const readManifest = defineStream(
  'worker.readManifest',
  BETWEEN_WORKERS,
  Type.Object({ sha256: Sha256 }),
  Item,
  Type.Object({ manifest: Statement }),
  bytesCodec
)

/** Bytes of a file from `from` up to and without `to`. */
export const readWeights = defineStream(
  'worker.readWeights',
  BETWEEN_WORKERS,
  Type.Object({
    sha256: Sha256,
    from: Type.Integer({ minimum: 0, maximum: BYTES_MAX }),
    to: Bytes
  }),
  Item,
  Type.Object({}),
  bytesCodec
)
