/**
 * Brings one model file from several sources at once: chunk by chunk into its partial file, each
 * looked at before it counts. The first manifest that comes is the plan; a source with another one
 * has another file, and helps no further.
 */
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WeightFile } from '#shared/contracts/peers/weights.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { diskError } from '#shared/trouble/disk.ts'
import { diskRoom, noRoom } from '../models/download/disk-room.ts'
import { finishPartial, PartialFile } from '../models/download/partial-file.ts'
import { PIECE_BYTES } from '../models/download/pieces.ts'
import { ChunkPlan } from './chunk-plan.ts'
import type { ChunkSource } from './chunk-source.ts'
import { FileHash } from './hash-file.ts'
import { chunksOf, isRightChunk, manifestText, rangeOf, type Manifest } from './manifest.ts'

/** Bytes that are on their way from all sources together; each has at least one chunk. */
const UNDER_WAY_BYTES = 64 << 20
const CHUNKS_PER_SOURCE_MAX = 4
/** How often what has arrived is made sure of, and the disk looked at. */
const KEEP_MS = 2000
const PAUSE_MS = 200

interface FileFetchDeps {
  file: WeightFile
  path: string
  sources: readonly ChunkSource[]
  /** Called with the bytes of the file that are here. */
  onBytes: (bytes: number) => void
  /** Called when a source helps no further; `lied`: it gave what it cannot have. */
  onFault: (source: ChunkSource, reason: string, lied?: boolean) => void
  signal: AbortSignal
}

interface Taken {
  source: ChunkSource
  chunk: number
  stop: AbortController
}

export class FileFetch {
  readonly #deps: FileFetchDeps
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #taken = new Set<Taken>() // bounded by the room of the sources
  readonly #primary = Promise.withResolvers<Manifest>()
  /** Sources whose manifest is the plan. */
  readonly #agreed = new Set<ChunkSource>()
  #plan: ChunkPlan<ChunkSource> | null = null
  #ready: Promise<void> = Promise.resolve()
  #unwritable: HaifError | null = null
  /** Sources that may still bring a manifest. */
  #unheard = 0
  #partial!: PartialFile
  #hash!: FileHash
  /** The first piece that is not here: all before it are hashed while the others come. */
  #front = 0
  #keptAt = performance.now()

  constructor(deps: FileFetchDeps) {
    this.#deps = deps
    this.#signal = AbortSignal.any([deps.signal, this.#stop.signal])
    this.#primary.promise.catch(() => {}) // whoever waits for it hears of it
  }

  /** Rejects with DOWNLOAD_FAILED where the sources cannot bring it; what has arrived is kept. */
  async run(): Promise<Manifest> {
    const { file, path } = this.#deps
    this.#partial = await PartialFile.open(path, { sizeBytes: file.bytes, sha256: file.sha256 })
    using hash = new FileHash({ path: `${path}.part`, bytes: file.bytes, chunkBytes: null })
    this.#hash = hash
    try {
      await this.#partial.truncate(file.bytes)
      await this.#fetch()
      await this.#partial.sync()
    } finally {
      await this.#partial.keep().catch(() => {}) // a full disk keeps what it can
      await this.#partial.close()
    }
    const manifest = await this.#primary.promise
    const { sha256 } = await untilAborted(hash.done, this.#deps.signal)
    if (await finishPartial(path, sha256, file.sha256)) return manifest
    for (const source of this.#agreed) {
      this.#deps.onFault(source, 'its manifest is not that of the file', true)
    }
    throw new WrongManifest([...this.#agreed])
  }

  async #fetch(): Promise<void> {
    const { sources, signal } = this.#deps
    this.#unheard = sources.length
    const runs = sources.map((source) => this.#serve(source))
    const first = await Promise.race([this.#primary.promise, Promise.all(runs).then(() => null)])
    signal.throwIfAborted()
    if (first === null) throw nobodyHas(this.#deps.file)
    await Promise.all(runs)
    signal.throwIfAborted()
    if (this.#unwritable !== null) throw this.#unwritable
    if (!this.#plan!.isDone) throw nobodyHas(this.#deps.file)
  }

  /** All that one source does. Never rejects. */
  async #serve(source: ChunkSource): Promise<void> {
    try {
      const plan = await this.#planWith(source)
      if (plan === null) {
        this.#deps.onFault(source, 'it has another file under that SHA-256')
        return
      }
      plan.join(source)
      const { chunkBytes } = await this.#primary.promise
      const share = UNDER_WAY_BYTES / (chunkBytes * this.#deps.sources.length)
      const room = Math.max(1, Math.min(CHUNKS_PER_SOURCE_MAX, Math.floor(share)))
      await Promise.all(Array.from({ length: room }, () => this.#bring(source, plan)))
    } catch (error) {
      if (!this.#signal.aborted) this.#deps.onFault(source, reasonOf(error))
    }
  }

  /** Null: the manifest of the source is another one than that of the plan. */
  async #planWith(source: ChunkSource): Promise<ChunkPlan<ChunkSource> | null> {
    const own = await this.#manifestOf(source)
    const primary = await this.#primary.promise
    await this.#ready
    if (own === null) return this.#plan
    if (manifestText(primary) !== manifestText(own)) return null
    this.#agreed.add(source)
    return this.#plan
  }

  /** The first one becomes the plan; when none can come any more, nobody waits for one. */
  async #manifestOf(source: ChunkSource): Promise<Manifest | null> {
    try {
      const own = await source.manifest(this.#signal)
      if (own !== null && this.#plan === null) {
        this.#plan = new ChunkPlan(chunksOf(own))
        this.#ready = this.#lookOver(own, this.#plan)
        this.#primary.resolve(own)
      }
      return own
    } finally {
      this.#unheard--
      if (this.#unheard === 0 && this.#plan === null) {
        this.#primary.reject(nobodyHas(this.#deps.file))
      }
    }
  }

  /** What an earlier try has left counts as far as it is right. */
  async #lookOver(manifest: Manifest, plan: ChunkPlan<ChunkSource>): Promise<void> {
    const { pieces } = this.#partial
    for (let chunk = 0; chunk < chunksOf(manifest); chunk++) {
      const { from, to } = rangeOf(manifest, chunk)
      const own = piecesIn(from, to)
      const isHere =
        own.every((piece) => pieces.has(piece)) &&
        isRightChunk(manifest, chunk, await sha256Of(await this.#partial.read(from, to)))
      if (isHere) plan.isHere(chunk)
      else for (const piece of own) pieces.lost(piece)
    }
    this.#arrived()
  }

  #arrived(): void {
    const { pieces } = this.#partial
    this.#deps.onBytes(pieces.arrivedBytes)
    const before = this.#front
    while (pieces.has(this.#front)) this.#front++
    if (this.#front === before) return
    this.#hash.follow(Math.min(this.#front * PIECE_BYTES, this.#deps.file.bytes))
  }

  async #bring(source: ChunkSource, plan: ChunkPlan<ChunkSource>): Promise<void> {
    while (!plan.isDone && !this.#signal.aborted) {
      const chunk = plan.take(source)
      if (chunk === null) {
        if (plan.isOut(source)) return
        await sleep(PAUSE_MS, undefined, { signal: this.#signal }).catch(() => {})
        continue // what another source has may become free again
      }
      await this.#bringOne(source, plan, chunk)
    }
  }

  async #bringOne(source: ChunkSource, plan: ChunkPlan<ChunkSource>, chunk: number): Promise<void> {
    const taken: Taken = { source, chunk, stop: new AbortController() }
    this.#taken.add(taken)
    const signal = AbortSignal.any([this.#signal, taken.stop.signal])
    const manifest = await this.#primary.promise
    const { from, to } = rangeOf(manifest, chunk)
    try {
      const bytes = await source.read({ from, to }, signal)
      if (!isRightChunk(manifest, chunk, await sha256Of(bytes))) {
        plan.ban(source, chunk)
        this.#deps.onFault(source, `it sent other bytes than chunk ${chunk} has`, true)
        return
      }
      if (!plan.arrived(source, chunk)) return
      await this.#write(bytes, from, to)
      this.#stopOthers(chunk)
      if (plan.isDone) this.#stop.abort(new Error('all of it is here'))
    } catch (error) {
      if (error instanceof Unwritable) {
        this.#unwritable = error.cause
        this.#stop.abort(error.cause)
      } else if (signal.aborted) plan.gaveUp(source, chunk)
      else await this.#failed(source, plan, chunk, error)
    } finally {
      this.#taken.delete(taken)
    }
  }

  async #failed(
    source: ChunkSource,
    plan: ChunkPlan<ChunkSource>,
    chunk: number,
    error: unknown
  ): Promise<void> {
    const isOut = plan.failed(source, chunk)
    if (isOut) this.#deps.onFault(source, reasonOf(error))
    await sleep(PAUSE_MS, undefined, { signal: this.#signal }).catch(() => {})
  }

  #stopOthers(chunk: number): void {
    for (const taken of this.#taken) {
      if (taken.chunk === chunk) taken.stop.abort(new Error('another source was faster'))
    }
  }

  async #write(bytes: Buffer, from: number, to: number): Promise<void> {
    const folder = dirname(this.#deps.path)
    try {
      await this.#partial.write(bytes, from)
      for (const piece of piecesIn(from, to)) this.#partial.pieces.arrived(piece)
      this.#arrived()
      if (performance.now() - this.#keptAt < KEEP_MS) return
      this.#keptAt = performance.now()
      const room = await diskRoom(folder)
      if (room.freeBytes <= 0) throw full(folder, room)
      await this.#partial.keep()
    } catch (error) {
      throw new Unwritable(toHaifError(diskError(folder, error)))
    }
  }
}

/** Rejects as soon as the signal says so. */
async function untilAborted<Value>(done: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([done, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The file is not what its manifest said, although each chunk was. */
export class WrongManifest extends Error {
  readonly sources: readonly ChunkSource[]

  constructor(sources: readonly ChunkSource[]) {
    super('the file is another one than its manifest said')
    this.sources = sources
  }
}

class Unwritable extends Error {
  override readonly cause: HaifError

  constructor(cause: HaifError) {
    super(cause.message)
    this.cause = cause
  }
}

export const full = (folder: string, room: Parameters<typeof noRoom>[2], needed?: number) =>
  new HaifError('DOWNLOAD_FAILED', noRoom(needed ?? null, folder, room))

const nobodyHas = ({ sha256 }: WeightFile): HaifError =>
  new HaifError('DOWNLOAD_FAILED', `no worker of the mesh can give ${sha256} now`)

/** Chunks are whole pieces, but for the end of the file. */
function piecesIn(from: number, to: number): number[] {
  const first = from / PIECE_BYTES
  return Array.from({ length: Math.ceil((to - from) / PIECE_BYTES) }, (_, i) => first + i)
}

/** In a thread of the pool: this one has tokens to stream. */
const sha256Of = async (bytes: Buffer): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
