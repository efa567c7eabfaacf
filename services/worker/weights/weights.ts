/**
 * Weights of models, from peer to peer: what this worker gives to others, and what it fetches from
 * them. It is made before the worker and joins its mesh when there is one.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  listWeights,
  orchestratorSeeders,
  SEEDERS_MAX,
  type WeightFile
} from '#shared/contracts/peers/weights.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { within } from '#shared/kit/within.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { lockFile } from '#shared/process/file-lock.ts'
import type { Logger } from '#shared/process/log.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Router } from '#shared/rpc/router.ts'
import { diskRoom } from '../models/download/disk-room.ts'
import { SpeedMeter } from '../models/download/speed-meter.ts'
import { digestOfParts } from '../models/file-digest.ts'
import { writeRecord, type LocalModel } from '../models/sources/local-model.ts'
import type { FetchHooks, PeerWeights, WantedWeights } from '../models/sources/peer-weights.ts'
import { partsOf } from '../models/split-files.ts'
import { contextWith, PeerSource, type ChunkSource } from './chunk-source.ts'
import { chosenToGo } from './disk-budget.ts'
import { FileFetch, full, WrongManifest } from './file-fetch.ts'
import { Pace } from './pace.ts'
import { Seeder } from './seeder.ts'
import { Shelf, type OwnFile, type ShelvedModel } from './shelf.ts'
import type { WeightsConfig } from './weights-config.ts'

/** Seeders of one fetch; more would not be faster. */
const SOURCES_MAX = 8
const ASK_MS_MAX = 5000
/** For the first orchestrator: only it knows who has what. */
const CONNECT_MS_MAX = 5000
const REACH_MS_MAX = 15_000
/** Peers that have given what was wrong are not asked again for so long. */
const BLAMED_MS = 600_000
const BLAMED_MAX = 256

interface WeightsOptions {
  /** The models folder of HAIF_HOME. */
  folder: string
  config: WeightsConfig
  log: Logger
}

/** What the worker that gives and fetches is. */
export interface Holder {
  mesh: Mesh
  /** Resolves when the first orchestrator is connected. */
  connected: Promise<void>
  /** Whether answers stream now. */
  isBusy: () => boolean
  /** Whether operators let it give weights to others. */
  maySeed: () => boolean
  own: () => OwnFile[]
  /** Files, without their ends, of models that are loaded, pinned or being fetched. */
  inUse: () => string[]
  /** Called when there are other weights here than before. */
  onChange: () => void
}

export class Weights implements PeerWeights {
  readonly shelf: Shelf
  readonly #options: WeightsOptions
  readonly #blamed = new BoundedMap<string, number>(BLAMED_MAX)
  readonly #in: Pace
  readonly #out: Pace
  #holder: Holder | null = null

  constructor(options: WeightsOptions) {
    const { folder, config } = options
    this.#options = options
    const own = () => this.#holder?.own() ?? []
    this.shelf = new Shelf({ folder, own, chunkBytes: config.chunkBytes })
    const pace = {
      bytesPerSecond: config.bytesPerSecond,
      isBusy: () => this.#holder?.isBusy() ?? false
    }
    this.#in = new Pace(pace)
    this.#out = new Pace(pace)
  }

  /** Before the worker joins its mesh. */
  serve(router: Router): void {
    const seeder = new Seeder({
      shelf: this.shelf,
      maySeed: () => this.maySeed,
      sign: (text) => this.#mesh.state('weights', text),
      pace: this.#out
    })
    seeder.serve(router)
  }

  join(holder: Holder): void {
    this.#holder = holder
  }

  get maySeed(): boolean {
    return this.#options.config.seeds && (this.#holder?.maySeed() ?? false)
  }

  /** The digests that it gives to others, for a report. */
  get offered(): string[] {
    return this.maySeed ? this.shelf.digests : []
  }

  /** Looks what is here, and lets others dial this worker once it has something for them. */
  async look(): Promise<void> {
    const before = this.offered.join()
    await this.shelf.look()
    if (this.offered.join() === before) return
    this.#holder?.onChange()
    if (this.offered.length === 0) return
    await this.#mesh
      .welcome()
      .catch((error: unknown) =>
        this.#options.log.debug({ err: error }, 'others cannot dial this worker for its weights')
      )
  }

  /** Null: nobody in reach has it. Rejects where it came, and is not what it should be. */
  async fetch(wanted: WantedWeights, hooks: FetchHooks): Promise<LocalModel | null> {
    if (!this.#options.config.fetches || this.#holder === null) return null
    await mkdir(wanted.folder, { recursive: true })
    const lock = lockFile(join(wanted.folder, `${wanted.name}.lock`))
    if (lock === null) return null // another process brings it: whoever downloads waits for it
    try {
      return await this.#fetch(wanted, hooks)
    } finally {
      lock.release()
    }
  }

  /** Whether it is worth finding out the digest of a model of the hub. */
  async mayHave(source: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#options.config.fetches || this.#holder === null) return false
    await within(CONNECT_MS_MAX, this.#holder.connected)
    return (await this.#keysOf({ source }, signal)).length > 0
  }

  /** Removes what was not used for longest, beyond the owner's budget. */
  async makeRoom(neededBytes = 0): Promise<void> {
    const { diskBytes: budgetBytes } = this.#options.config
    if (budgetBytes === Infinity) return
    const inUse = this.#holder?.inUse() ?? []
    const stays = ({ files }: ShelvedModel) =>
      files.some(({ path }) => inUse.some((place) => path.startsWith(place)))
    for (const model of chosenToGo(await this.shelf.look(), { budgetBytes, neededBytes, stays })) {
      const { digest, files } = model
      this.#options.log.info(
        { digest, path: files[0]?.path },
        'a model leaves the disk: MODEL_SPACE'
      )
      await this.shelf.remove(model)
    }
  }

  async #fetch(wanted: WantedWeights, hooks: FetchHooks): Promise<LocalModel | null> {
    const { digest, folder, name } = wanted
    const seeders = await this.#seedersOf(digest, hooks.signal)
    try {
      if (seeders.length === 0) return null
      const files = seeders[0]!.files
      const paths = pathsOf(join(folder, name), files.length)
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
      await this.#assertRoom(folder, bytes)
      const meter = new SpeedMeter(() => performance.now())
      let before = 0
      for (const [i, file] of files.entries()) {
        const onBytes = (here: number) => {
          const now = before + here
          hooks.onProgress({ bytes: now, totalBytes: bytes, bytesPerSecond: meter.measured(now) })
        }
        const links = seeders.map(({ link }) => link)
        await this.#fetchFile(file, paths[i]!, { links, onBytes, hooks })
        before += file.bytes
      }
      return {
        entry: paths[0]!,
        files: paths.map((path, i) => ({ path, digest: files[i]!.sha256 }))
      }
    } finally {
      for (const { link } of seeders) void leave(link)
    }
  }

  /** Once more without those whose manifest was wrong, as long as there are others. */
  async #fetchFile(
    file: WeightFile,
    path: string,
    given: { links: PeerLink[]; onBytes: (bytes: number) => void; hooks: FetchHooks }
  ): Promise<void> {
    const { onBytes, hooks } = given
    const mesh = this.#mesh
    let sources: ChunkSource[] = given.links.map(
      (link) => new PeerSource({ mesh, link, file, pace: this.#in })
    )
    for (;;) {
      const onFault = (source: ChunkSource, reason: string, lied = false) => {
        if (lied) this.#blame(source.name, reason)
        hooks.onFault(`${source.name.slice(0, 8)}: ${reason}`)
      }
      const { signal } = hooks
      try {
        const manifest = await new FileFetch({
          file,
          path,
          sources,
          onBytes,
          onFault,
          signal
        }).run()
        await this.shelf.keepManifest(manifest)
        return await writeRecord(path, file.sha256)
      } catch (error) {
        if (!(error instanceof WrongManifest)) throw error
        const { sources: liars } = error
        sources = sources.filter((source) => !liars.includes(source))
        if (sources.length === 0) throw new HaifError('DOWNLOAD_FAILED', error.message)
      }
    }
  }

  #blame(peer: string, reason: string): void {
    this.#blamed.set(peer, performance.now())
    this.#options.log.warn({ peer, reason }, 'a peer gave wrong weights: it is not asked again')
  }

  async #assertRoom(folder: string, bytes: number): Promise<void> {
    await this.makeRoom(bytes)
    const room = await diskRoom(folder)
    if (bytes > room.freeBytes) throw full(folder, room, bytes)
  }

  /** Those that can be reached and whose files are the model. */
  async #seedersOf(
    digest: string,
    signal: AbortSignal
  ): Promise<{ link: PeerLink; files: WeightFile[] }[]> {
    const keys = await this.#keysOf({ digest }, signal)
    const asked = await Promise.all(
      keys.slice(0, SOURCES_MAX).map((key) => this.#ask(key, digest, signal))
    )
    return asked.filter((seeder) => seeder !== null)
  }

  async #keysOf(
    asked: { digest: string } | { source: string },
    signal: AbortSignal
  ): Promise<string[]> {
    const mesh = this.#mesh
    using context = contextWith(ASK_MS_MAX, signal)
    const named = await Promise.all(
      mesh.links('orchestrator').map(async (link) => {
        const none = { workers: [] as string[] }
        const { workers } = await link.call(orchestratorSeeders, asked, context).catch(() => none)
        return workers
      })
    )
    const keys = new Set(named.flat().slice(0, SEEDERS_MAX))
    keys.delete(mesh.key)
    const now = performance.now()
    return [...keys].filter((key) => now - (this.#blamed.get(key) ?? -Infinity) > BLAMED_MS)
  }

  async #ask(key: string, digest: string, signal: AbortSignal) {
    try {
      const link = await this.#reach(key)
      if (link?.peer.role !== 'worker') return null
      using context = contextWith(ASK_MS_MAX, signal)
      const { files } = await link.call(listWeights, { digest }, context)
      if (digestOfParts(files.map(({ sha256 }) => sha256)) === digest) return { link, files }
      this.#blame(key, 'the files that it names are not the model')
    } catch (error) {
      signal.throwIfAborted()
      this.#options.log.debug({ peer: key, reason: reasonOf(error) }, 'a peer gives no weights')
    }
    return null
  }

  async #reach(key: string): Promise<PeerLink | undefined> {
    const mesh = this.#mesh
    await within(REACH_MS_MAX, mesh.reach(Buffer.from(key, 'hex')))
    return mesh.link(key)
  }

  get #mesh(): Mesh {
    return this.#holder!.mesh
  }
}

/** `base` and the end of a model's file, or the numbered ends of a split one. */
function pathsOf(base: string, count: number): string[] {
  if (count === 1) return [`${base}.gguf`]
  return partsOf(`${base}-00001-of-${String(count).padStart(5, '0')}.gguf`)
}

/** It was opened for this, unless another fetch goes on over it. */
async function leave(link: PeerLink): Promise<void> {
  if (link.openStreams === 0) await link.end('the weights are here')
}
