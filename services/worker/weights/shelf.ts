/**
 * The model files that this machine has: those of its models folder with their records, and the
 * owner's own files once they were loaded and so hashed. They are found by the SHA-256 of their
 * content, wherever they lie.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WEIGHTS_MAX } from '#shared/contracts/peers/peers.ts'
import type { WeightFile } from '#shared/contracts/peers/weights.ts'
import { HaifError } from '#shared/errors.ts'
import { Turns } from '#shared/kit/turns.ts'
import { digestOfParts } from '../models/file-digest.ts'
import { readRecord } from '../models/sources/local-model.ts'
import { partsOf } from '../models/split-files.ts'
import { hashFile } from './hash-file.ts'
import { chunkBytesFor, manifestText, parseManifest, type Manifest } from './manifest.ts'

const RECORD = '.sha256'
/** No user of the hub has such a name. */
const MANIFESTS = '.manifests'

interface ShelvedFile extends WeightFile {
  path: string
}

export interface ShelvedModel {
  digest: string
  files: ShelvedFile[]
  /** When it was last loaded, in milliseconds since 1970; null for a file of the owner. */
  usedAt: number | null
}

export interface OwnFile {
  path: string
  digest: string
}

interface ShelfOptions {
  /** The models folder of HAIF_HOME. */
  folder: string
  /** Files of the owner whose digest is known. */
  own?: () => OwnFile[]
  /** Of the smallest manifests. */
  chunkBytes?: number | undefined
}

export class Shelf {
  readonly folder: string
  readonly #options: ShelfOptions
  readonly #hashing = new Turns() // one file at a time: a disk reads one of them quickly
  #models: ShelvedModel[] = [] // as many as there are on the disk

  constructor(options: ShelfOptions) {
    this.#options = options
    this.folder = options.folder
  }

  /** As they were at the last look. */
  get models(): readonly ShelvedModel[] {
    return this.#models
  }

  /** The digests of the models, for a report. */
  get digests(): string[] {
    return this.#models.map(({ digest }) => digest).slice(0, WEIGHTS_MAX)
  }

  /** Looks at the disk again. */
  async look(): Promise<readonly ShelvedModel[]> {
    const names = await readdir(this.folder, { recursive: true }).catch(() => [])
    const paths = names
      .filter((name) => name.endsWith(`.gguf${RECORD}`))
      .map((name) => join(this.folder, name.slice(0, -RECORD.length)))
    const fetched = await Promise.all(paths.map((path) => this.#modelAt(path)))
    const { own = () => [] } = this.#options
    const others = await Promise.all(own().map((file) => ownModel(file)))
    this.#models = [...fetched, ...others].filter((model) => model !== null)
    return this.#models
  }

  async named(digest: string): Promise<ShelvedModel> {
    const isIt = (model: ShelvedModel) => model.digest === digest
    const found = this.#models.find(isIt) ?? (await this.look()).find(isIt)
    if (found !== undefined) return found
    throw new HaifError('NOT_FOUND', `the model with the digest ${digest} is not on this machine`)
  }

  async file(sha256: string): Promise<ShelvedFile> {
    const find = (models: readonly ShelvedModel[]) =>
      models.flatMap(({ files }) => files).find((file) => file.sha256 === sha256)
    const found = find(this.#models) ?? find(await this.look())
    if (found !== undefined) return found
    throw new HaifError('NOT_FOUND', `the model file ${sha256} is not on this machine`)
  }

  /**
   * Read from the disk; at first made, by hashing the file. Throws MODEL_LOAD_FAILED where the file
   * is not what its record says: nobody vouches for such a file.
   */
  async manifest(sha256: string): Promise<Manifest> {
    const file = await this.file(sha256)
    return this.#hashing.run(async () => {
      const kept = await this.#keptManifest(file)
      if (kept !== null) return kept
      const chunkBytes = chunkBytesFor(file.bytes, this.#options.chunkBytes)
      const made = { chunkBytes, ...(await hashFile(file.path, chunkBytes)) }
      if (made.sha256 !== sha256 || made.bytes !== file.bytes) {
        throw new HaifError('MODEL_LOAD_FAILED', `${file.path} is damaged: fetch it again`)
      }
      await this.keepManifest(made)
      return made
    })
  }

  async keepManifest(manifest: Manifest): Promise<void> {
    const path = this.#manifestPath(manifest.sha256)
    await mkdir(join(this.folder, MANIFESTS), { recursive: true })
    await writeFile(`${path}.new`, `${manifestText(manifest)}\n`)
    await writeFile(`${path}.new`, manifest.digests, { flag: 'a' })
    await rename(`${path}.new`, path)
  }

  /** Takes a model off the disk. One of the owner stays. */
  async remove(model: ShelvedModel): Promise<void> {
    if (model.usedAt === null) return
    for (const { path, sha256 } of model.files) {
      await rm(`${path}${RECORD}`, { force: true }) // first: without its record it is not there
      await rm(path, { force: true })
      await rm(this.#manifestPath(sha256), { force: true })
    }
    this.#models = this.#models.filter((each) => each !== model)
  }

  #manifestPath(sha256: string): string {
    return join(this.folder, MANIFESTS, sha256)
  }

  async #keptManifest({ sha256, bytes }: ShelvedFile): Promise<Manifest | null> {
    const kept = await readFile(this.#manifestPath(sha256)).catch(() => null)
    const end = kept?.indexOf('\n') ?? -1
    if (kept === null || end === -1) return null
    try {
      return parseManifest(kept.toString('utf8', 0, end), kept.subarray(end + 1), { sha256, bytes })
    } catch {
      return null // it is made anew
    }
  }

  /** Null unless `path` is the first of its files, and all of them have their record. */
  async #modelAt(path: string): Promise<ShelvedModel | null> {
    const parts = partsOf(path)
    if (parts[0] !== path) return null
    const files = await Promise.all(parts.map((part) => recordedFile(part)))
    const here = files.filter((file) => file !== null)
    if (here.length < parts.length) return null
    const usedAt = (await stat(`${path}${RECORD}`).catch(() => null))?.mtimeMs ?? 0
    return { digest: digestOfParts(here.map(({ sha256 }) => sha256)), files: here, usedAt }
  }
}

async function recordedFile(path: string): Promise<ShelvedFile | null> {
  const sha256 = await readRecord(path)
  const bytes = (await stat(path).catch(() => null))?.size ?? 0
  return sha256 === null || bytes === 0 ? null : { path, sha256, bytes }
}

/** A split model of the owner is left out: one digest says nothing of its parts. */
async function ownModel({ path, digest }: OwnFile): Promise<ShelvedModel | null> {
  const bytes = (await stat(path).catch(() => null))?.size ?? 0
  if (bytes === 0 || partsOf(path).length > 1) return null
  return { digest, files: [{ path, sha256: digest, bytes }], usedAt: null }
}
