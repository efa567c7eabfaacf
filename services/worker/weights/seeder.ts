/**
 * Gives model files of this machine to other workers of the mesh, in ranges. Each peer has so many
 * reads at a time, and each read one item under way, so that nobody can make this worker hold more.
 */
import { open } from 'node:fs/promises'
import type { Statement } from '#shared/contracts/peers/order.ts'
import {
  listWeights,
  readManifest,
  readWeights,
  WEIGHT_ITEM_BYTES,
  type WeightFile
} from '#shared/contracts/peers/weights.ts'
import { HaifError } from '#shared/errors.ts'
import { Tally } from '#shared/kit/tally.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import { manifestText } from './manifest.ts'
import type { Pace } from './pace.ts'
import type { Shelf } from './shelf.ts'

const READS_PER_PEER_MAX = 8
/** Of all peers: with a megabyte under way for each. */
const READS_MAX = 64
const BUSY_RETRY_MS = 1000

interface SeederDeps {
  shelf: Pick<Shelf, 'named' | 'file' | 'manifest'>
  /** Whether the owner, and the operators, let this worker give weights to others. */
  maySeed: () => boolean
  /** Signs in the name of this worker. */
  sign: (text: string) => Statement
  pace: Pace
}

export class Seeder {
  readonly #deps: SeederDeps
  readonly #reads = new Tally<string>() // by the key of the peer

  constructor(deps: SeederDeps) {
    this.#deps = deps
  }

  serve(router: Router): void {
    router
      .respond(listWeights, ({ digest }) => this.#list(digest))
      .serve(readManifest, ({ sha256 }, context) => this.#manifest(sha256, context))
      .serve(readWeights, (range, context) => this.#read(range, context))
  }

  async #list(digest: string): Promise<{ files: WeightFile[] }> {
    this.#assertMay()
    const { files } = await this.#deps.shelf.named(digest)
    return { files: files.map(({ sha256, bytes }) => ({ sha256, bytes })) }
  }

  async *#manifest(sha256: string, { peer }: ServerContext) {
    this.#assertMay()
    const leave = this.#enter(peer.key)
    try {
      const manifest = await this.#deps.shelf.manifest(sha256)
      const { digests } = manifest
      for (let at = 0; at < digests.length; at += WEIGHT_ITEM_BYTES) {
        yield digests.subarray(at, at + WEIGHT_ITEM_BYTES)
      }
      return { manifest: this.#deps.sign(manifestText(manifest)) }
    } finally {
      leave()
    }
  }

  async *#read(
    { sha256, from, to }: { sha256: string; from: number; to: number },
    { peer, signal }: ServerContext
  ) {
    this.#assertMay()
    const leave = this.#enter(peer.key)
    try {
      const { path, bytes } = await this.#deps.shelf.file(sha256)
      if (from >= to || to > bytes) {
        throw new HaifError('VALIDATION_FAILED', `${sha256} has no bytes ${from} to ${to}`)
      }
      await using file = await open(path)
      for (let at = from; at < to;) {
        const wanted = Math.min(WEIGHT_ITEM_BYTES, to - at)
        await this.#deps.pace.take(wanted, signal)
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, at)
        if (bytesRead === 0) throw new HaifError('NOT_FOUND', `${path} has become shorter`)
        at += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
      return {}
    } finally {
      leave()
    }
  }

  #assertMay(): void {
    if (this.#deps.maySeed()) return
    throw new HaifError(
      'FORBIDDEN',
      'this worker gives no weights to others (WEIGHTS_SEED, seed=no)'
    )
  }

  #enter(peerKey: string): () => void {
    if (this.#reads.of(peerKey) < READS_PER_PEER_MAX && this.#reads.total < READS_MAX) {
      return this.#reads.enter(peerKey)
    }
    throw new HaifError('WORKER_OVERLOADED', 'this worker gives as much as it can to others now', {
      retryAfterMs: BUSY_RETRY_MS
    })
  }
}
