/** Somebody who can bring chunks of a model file: a peer that has it, or the hub. */
import {
  readManifest,
  readWeights,
  WEIGHT_ITEM_BYTES,
  type WeightFile
} from '#shared/contracts/peers/weights.ts'
import { HaifError } from '#shared/errors.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { createContext, type OwnedContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { MANIFEST_BYTES_MAX, parseManifest, type Manifest } from './manifest.ts'
import type { Pace } from './pace.ts'

export interface ChunkSource {
  /** For whoever reads the log. */
  readonly name: string
  /** Null: it has none of its own, and brings what the manifest of others says. */
  manifest(signal: AbortSignal): Promise<Manifest | null>
  /** The bytes of the file from `from` up to and without `to`. */
  read(range: { from: number; to: number }, signal: AbortSignal): Promise<Buffer>
}

/** A manifest that is not made yet takes the hashing of the file. */
const MANIFEST_MS_MAX = 600_000
/** For one chunk: a peer that takes longer is no help. */
const CHUNK_MS_MAX = 60_000

interface PeerSourceDeps {
  mesh: Pick<Mesh, 'speakerOf'>
  link: PeerLink
  file: WeightFile
  pace: Pace
}

export class PeerSource implements ChunkSource {
  readonly name: string
  readonly #deps: PeerSourceDeps

  constructor(deps: PeerSourceDeps) {
    this.#deps = deps
    this.name = deps.link.peer.key
  }

  /** Throws unless the peer itself has signed it. */
  async manifest(signal: AbortSignal): Promise<Manifest> {
    const { link, file, mesh } = this.#deps
    using context = contextWith(MANIFEST_MS_MAX, signal)
    const stream = link.stream(readManifest, { sha256: file.sha256 }, context)
    const parts: Uint8Array[] = []
    let bytes = 0
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) {
        if (mesh.speakerOf('weights', value.manifest, 'worker') !== link.peer.key) {
          throw new HaifError('FORBIDDEN', 'the manifest was signed by another peer')
        }
        return parseManifest(value.manifest.text, Buffer.concat(parts), file)
      }
      bytes += value.length
      if (bytes > MANIFEST_BYTES_MAX) throw tooMuch()
      parts.push(value)
    }
  }

  async read({ from, to }: { from: number; to: number }, signal: AbortSignal): Promise<Buffer> {
    const { link, file, pace } = this.#deps
    using context = contextWith(CHUNK_MS_MAX, signal)
    const chunk = Buffer.allocUnsafe(to - from)
    let at = 0
    for await (const item of link.stream(readWeights, { sha256: file.sha256, from, to }, context)) {
      if (at + item.length > chunk.length) throw tooMuch()
      chunk.set(item, at)
      at += item.length
      if (at < chunk.length) await pace.take(Math.min(item.length, WEIGHT_ITEM_BYTES), signal)
    }
    if (at === chunk.length) return chunk
    throw new HaifError('PEER_LOST', 'the peer sent less than it was asked for')
  }
}

const tooMuch = (): HaifError =>
  new HaifError('VALIDATION_FAILED', 'the peer sent more than it was asked for')

/** A context that also ends with the signal. */
export function contextWith(timeoutMs: number, signal: AbortSignal): OwnedContext {
  const context = createContext({ timeoutMs })
  const abort = () => context.abort(signal.reason as Error)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return {
    ...context,
    [Symbol.dispose]() {
      signal.removeEventListener('abort', abort)
      context[Symbol.dispose]()
    }
  }
}
