/**
 * The identity of a model file: the SHA-256 of its bytes, taken before the library parses them.
 * Flipped weights load without a word, and nothing else in the chain would notice. A model that is
 * split is all of its files.
 */
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { digestOfFile, digestOfParts } from '../../../../models/file-digest.ts'
import { partsOf } from '../../../../models/split-files.ts'
import { isSameInode, stampOf, type FileStamp } from '../../file-stamp.ts'
import { whyNoModel } from './file-kind.ts'
import { checkGgufHeader } from './gguf-header.ts'
import type { KnownDigests } from './known-digests.ts'
import { watchFiles } from './watch-files.ts'

interface ModelFile {
  digest: string
  /** Of all its files together. */
  sizeBytes: number
  files: FileStamp[]
}

interface KnownFileOptions {
  digests?: KnownDigests | null
  /** The SHA-256 that each file must have; absent where nobody recorded them. */
  recorded?: readonly string[] | undefined
}

/** The file under one path, hashed on first use and again when it looks changed. */
export class KnownFile {
  readonly #path: string
  readonly #paths: string[]
  readonly #options: KnownFileOptions
  #known: ModelFile | null = null

  constructor(path: string, options: KnownFileOptions = {}) {
    this.#path = path
    this.#paths = partsOf(path)
    this.#options = options
  }

  async identify(): Promise<ModelFile> {
    if (this.#known !== null && (await this.#difference(this.#known)) === null) return this.#known
    return (this.#known = await this.#identify())
  }

  /** A file that was replaced under its name is another model, even if it loads. */
  async assertSame(): Promise<ModelFile> {
    const known = this.#known
    if (known === null) return this.identify()
    const difference = await this.#difference(known)
    if (difference === null) return known
    if (difference === GONE) throw this.#changed(GONE)
    const now = await this.#identify()
    if (now.digest !== known.digest) throw this.#changed(difference)
    return (this.#known = now)
  }

  /**
   * Looks each second, and when the system reports a change, whether the files are those that were
   * loaded: their bytes are read from the disk as they are needed, so new ones would be computed
   * with old ones. Calls `onChanged` once.
   */
  watch(onChanged: (error: HaifError) => void): Disposable {
    return watchFiles(this.#paths, async () => {
      if (this.#known === null) return true
      const difference = await this.#difference(this.#known)
      if (difference === null) return true
      onChanged(this.#changed(difference))
      return false
    })
  }

  /** Null while all files are the same; a disk that does not answer says nothing of them. */
  async #difference(known: ModelFile): Promise<string | null> {
    for (const { path, stamp } of known.files) {
      const now = await stampNow(path)
      if (now === null) return GONE
      if (now === UNKNOWN || now === stamp) continue
      return isSameInode(now, stamp) ? CHANGED : REPLACED
    }
    return null
  }

  #changed(difference: string): HaifError {
    return modelLoadFailed(this.#path, `${difference}; it is loaded anew when that file is back`)
  }

  async #identify(): Promise<ModelFile> {
    const { digests = null, recorded } = this.#options
    const found: (FileStamp & { digest: string; sizeBytes: number })[] = []
    for (const [i, path] of this.#paths.entries()) {
      try {
        const stats = await stat(path, { bigint: true })
        const wanted = recorded?.[i]
        if (wanted === undefined) await checkHeader(path, Number(stats.size), i)
        const digest = digests?.find(path, stats) ?? (await digestOfFile(path))
        digests?.keep(path, stats, digest)
        if (wanted !== undefined && wanted !== digest) throw new Unusable(NOT_AS_DOWNLOADED)
        if (wanted !== undefined) await checkHeader(path, Number(stats.size), i)
        found.push({ path, digest, sizeBytes: Number(stats.size), stamp: stampOf(stats) })
      } catch (error) {
        const reason = problemOf(error)
        throw modelLoadFailed(path, i === 0 ? reason : this.#ofPart(i, reason), error)
      }
    }
    return {
      digest: digestOfParts(found.map(({ digest }) => digest)),
      sizeBytes: found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      files: found.map(({ path, stamp }) => ({ path, stamp }))
    }
  }

  #ofPart(i: number, reason: string): string {
    return `${reason} (it is part ${i + 1} of ${this.#paths.length} of ${basename(this.#path)})`
  }
}

const CHANGED = 'the file has changed since it was loaded'
const REPLACED = 'another file has taken its place since it was loaded'
const GONE = 'the file is gone since it was loaded'
const NOT_AS_DOWNLOADED =
  'it is no longer what was downloaded (its SHA-256 is not the recorded one); ' +
  'move it away and start again to download it anew'

const UNKNOWN = 'unknown'

async function stampNow(path: string): Promise<string | null> {
  try {
    return stampOf(await stat(path, { bigint: true }))
  } catch (error) {
    return VANISHED.has(codeOf(error)) ? null : UNKNOWN
  }
}

const VANISHED: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

export function modelLoadFailed(path: string, reason: string, cause?: unknown): HaifError {
  return new HaifError('MODEL_LOAD_FAILED', `cannot load ${path}: ${reason}`, { cause })
}

/** The file is not to blame, or the wrong one was chosen: the sentence says what to do. */
class Unusable extends Error {}
class Damaged extends Error {}

/** Checks the header before a process loads it: the library may hang on senseless lengths. */
async function checkHeader(path: string, sizeBytes: number, part: number): Promise<void> {
  const file = await open(path)
  try {
    for (let bytes = HEAD_BYTES; ; bytes *= 2) {
      const head = Buffer.alloc(Math.min(bytes, sizeBytes))
      await file.read(head, 0, head.length, 0)
      const checked = checkGgufHeader(head, sizeBytes)
      if (checked.kind === 'bad') throw new Damaged(checked.reason)
      if (checked.kind === 'foreign') throw new Unusable(checked.reason)
      if (checked.kind === 'ok') {
        const why = part === 0 ? whyNoModel(checked.facts, path) : null
        if (why !== null) throw new Unusable(why)
        return
      }
      if (head.length === sizeBytes) throw new Damaged('its header goes beyond the end of the file')
    }
  } finally {
    await file.close()
  }
}

const HEAD_BYTES = 1 << 20

const PROBLEMS: Record<string, string> = {
  ENOENT: 'there is no such file; check the path, or download the model',
  ENOTDIR: 'there is no such file; check the path, or download the model',
  EACCES: 'it may not be read; check its permissions',
  EPERM: 'it may not be read; check its permissions',
  EISDIR: 'it is a folder; name the .gguf file in it',
  ELOOP: 'it is a link that leads to itself; name the file',
  EMFILE: 'this process may open no more files; raise "ulimit -n"',
  ENFILE: 'this machine has no more open files; end some programs',
  EIO: 'its disk cannot read it; check the disk, then copy or download the file again'
}

function problemOf(error: unknown): string {
  if (error instanceof Unusable) return error.message
  if (error instanceof Damaged) return `it is damaged: ${error.message}; download it again`
  return PROBLEMS[codeOf(error)] ?? `it cannot be read (${reasonOf(error)}); check its disk`
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''
