/**
 * The artifacts of this machine: files that are named by the SHA-256 of their bytes. One is written
 * aside and renamed, so a name never stands for less than all of it, and looked over before it is
 * read, so a damaged disk is noticed.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LENT_CHUNK_BYTES_MAX } from '#shared/contracts/jobs/artifacts.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { diskError } from '#shared/trouble/disk.ts'
import { diskRoom } from '../models/download/disk-room.ts'

const SHA256 = /^[0-9a-f]{64}$/
/** Of what is being written. */
const ASIDE = 'part-'
const CHECKED_MAX = 4096
const CHUNK_BYTES = 256 << 10

interface ArtifactStoreOptions {
  folder: string
  /** Of all artifacts together; beyond it nothing more is kept. */
  bytesMax: number
  /** Artifacts that nobody has read for so long are removed. */
  keepMs: number
  /** In milliseconds since 1970, like the times of files. */
  now?: () => number
}

interface Kept {
  sha256: string
  bytes: number
}

export class ArtifactStore {
  readonly #options: ArtifactStoreOptions
  readonly #now: () => number
  /** Files whose bytes were looked over, with their size and time then. */
  readonly #checked = new BoundedMap<string, string>(CHECKED_MAX)
  #usedBytes = 0
  #sweptAt = -Infinity

  constructor(options: ArtifactStoreOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Counted anew each hour: other workers on this home keep artifacts there, too. */
  get usedBytes(): number {
    if (this.#now() - this.#sweptAt > SWEEP_MS) this.sweep()
    return this.#usedBytes
  }

  /** Throws ARTIFACT_QUOTA where it has no room, and leaves nothing then. */
  async keep(body: AsyncIterable<Uint8Array>): Promise<Kept> {
    const { folder } = this.#options
    const used = this.usedBytes
    const room = Math.min(this.#options.bytesMax - used, (await diskRoom(folder)).freeBytes)
    const aside = join(folder, `${ASIDE}${randomUUID()}`)
    try {
      const kept = await this.#write(aside, body, room)
      const file = this.#file(kept.sha256)
      const isNew = (await sizeOf(file)) !== kept.bytes
      await rename(aside, file)
      if (isNew) this.#usedBytes = this.usedBytes + kept.bytes
      return kept
    } catch (error) {
      throw isOfDisk(error) ? diskError(folder, error) : error
    } finally {
      await rm(aside, { force: true })
    }
  }

  /** The size; null where it is not here. */
  async has(sha256: string): Promise<number | null> {
    return SHA256.test(sha256) ? sizeOf(this.#file(sha256)) : null
  }

  /**
   * The bytes from `from` up to and without `to`. Throws NOT_FOUND, and ARTIFACT_UNAVAILABLE where
   * the bytes are no longer those that were kept; they are removed then.
   */
  async *read(sha256: string, from = 0, to = Infinity): AsyncGenerator<Buffer> {
    const bytes = await this.#assertHas(sha256)
    const file = this.#file(sha256)
    await this.#look(sha256, file)
    touch(file, this.#now())
    const end = Math.min(to, bytes)
    if (from >= end) return
    yield* createReadStream(file, { start: from, end: end - 1, highWaterMark: CHUNK_BYTES })
  }

  /** The same, unseen: for another such store, which hashes all of it on its way in. */
  async *lend(sha256: string, from = 0, to = Infinity): AsyncGenerator<Buffer> {
    const end = Math.min(to, await this.#assertHas(sha256))
    const file = this.#file(sha256)
    touch(file, this.#now())
    const highWaterMark = LENT_CHUNK_BYTES_MAX
    if (from < end) yield* createReadStream(file, { start: from, end: end - 1, highWaterMark })
  }

  async #assertHas(sha256: string): Promise<number> {
    const bytes = await this.has(sha256)
    if (bytes !== null) return bytes
    throw new HaifError('NOT_FOUND', `artifact ${sha256} is not on this machine`)
  }

  async drop(sha256: string): Promise<void> {
    const bytes = await this.has(sha256)
    if (bytes === null) return
    await rm(this.#file(sha256), { force: true })
    this.#usedBytes = Math.max(0, this.usedBytes - bytes)
  }

  /** Removes what nobody has read for long, and what was being written when a worker ended. */
  sweep(): void {
    this.#sweptAt = this.#now()
    this.#usedBytes = this.#sweep()
  }

  #sweep(): number {
    const { folder, keepMs } = this.#options
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    let used = 0
    for (const name of readdirSync(folder)) {
      const file = join(folder, name)
      const found = statSync(file, { throwIfNoEntry: false })
      if (found === undefined) continue
      const age = this.#now() - found.mtimeMs
      // Another worker on this home may be writing: a part is left for as long as a task may take.
      if (age > (name.startsWith(ASIDE) ? Math.min(keepMs, PART_MS) : keepMs)) {
        rmSync(file, { force: true })
      } else used += found.size
    }
    return used
  }

  async #write(file: string, body: AsyncIterable<Uint8Array>, room: number): Promise<Kept> {
    const digest = createHash('sha256')
    await using handle = await open(file, 'wx', 0o600)
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > room) throw this.#full()
      digest.update(chunk)
      await handle.writeFile(chunk)
    }
    await handle.sync() // a renamed file without its bytes would be found damaged after a power cut
    return { sha256: digest.digest('hex'), bytes }
  }

  async #look(sha256: string, file: string): Promise<void> {
    const { size, ino } = await stat(file)
    const seen = `${size}/${ino}`
    if (this.#checked.get(sha256) === seen) return
    const digest = createHash('sha256')
    for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer)
    if (digest.digest('hex') !== sha256) {
      await rm(file, { force: true })
      throw new HaifError('ARTIFACT_UNAVAILABLE', `artifact ${sha256} was damaged on its disk`)
    }
    this.#checked.set(sha256, seen)
  }

  #file(sha256: string): string {
    if (!SHA256.test(sha256)) throw new Error('no name of an artifact')
    return join(this.#options.folder, sha256)
  }

  #full(): HaifError {
    const { folder, bytesMax } = this.#options
    return new HaifError(
      'ARTIFACT_QUOTA',
      `there is no room for the artifact in ${folder}: together they may take ${bytesMax} bytes ` +
        'there (ARTIFACT_SPACE), and some of the disk stays free'
    )
  }
}

const PART_MS = 86_400_000
const SWEEP_MS = 3_600_000

/** Whoever brings the bytes may fail, too. */
const isOfDisk = (error: unknown): boolean => error instanceof Error && 'syscall' in error

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** The time of the file says when it was last read. */
function touch(file: string, now: number): void {
  try {
    utimesSync(file, now / 1000, now / 1000)
  } catch {
    // it may be removed now, or the disk be read-only: it is read all the same
  }
}
