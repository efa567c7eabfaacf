/**
 * The identity of a model file: the SHA-256 of its bytes, taken before the library parses them.
 * Flipped weights load without a word, and nothing else in the chain would notice.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { HaifError } from '#shared/errors.ts'
import type { KnownDigests } from './known-digests.ts'
import { checkGgufHeader } from './gguf-header.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'

interface ModelFile {
  digest: string
  sizeBytes: number
  modifiedAtMs: number
}

/** The file under one path, hashed on first use and again when it looks changed. */
export class KnownFile {
  readonly #path: string
  readonly #digests: KnownDigests | null
  #known: ModelFile | null = null

  constructor(path: string, digests: KnownDigests | null = null) {
    this.#path = path
    this.#digests = digests
  }

  /** 0 before it was first identified. */
  get sizeBytes(): number {
    return this.#known?.sizeBytes ?? 0
  }

  async identify(): Promise<ModelFile> {
    if (this.#known !== null && (await isSameFile(this.#path, this.#known))) return this.#known
    return (this.#known = await identifyModelFile(this.#path, this.#digests))
  }

  /** A file that was replaced under its name is another model, even if it loads. */
  async assertSame(): Promise<void> {
    const known = this.#known
    if (known === null || (await isSameFile(this.#path, known))) return
    const now = await identifyModelFile(this.#path, this.#digests)
    if (now.digest !== known.digest) {
      const reason = 'the file has changed since it was loaded; restart the worker'
      throw modelLoadFailed(this.#path, reason)
    }
    this.#known = now
  }
}

async function identifyModelFile(path: string, known: KnownDigests | null): Promise<ModelFile> {
  try {
    const stats = await stat(path, { bigint: true })
    const [sizeBytes, modifiedAtMs] = [Number(stats.size), Number(stats.mtimeNs) / 1e6]
    await checkHeader(path, sizeBytes)
    const digest = known?.find(path, stats) ?? (await digestOfFile(path))
    known?.keep(path, stats, digest)
    return { digest, sizeBytes, modifiedAtMs }
  } catch (error) {
    throw modelLoadFailed(path, problemOf(error), error)
  }
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: READ_BYTES })
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** True when the file system reports the size and time of the file that was hashed. */
async function isSameFile(path: string, file: ModelFile): Promise<boolean> {
  const now = await stat(path).catch(() => null)
  return now?.size === file.sizeBytes && Math.abs(now.mtimeMs - file.modifiedAtMs) < 1e-3
}

export function modelLoadFailed(path: string, reason: string, cause?: unknown): HaifError {
  return new HaifError('MODEL_LOAD_FAILED', `cannot load ${path}: ${reason}`, { cause })
}

/** Checks the header before a process loads it: the library may hang on senseless lengths. */
async function checkHeader(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path)
  try {
    for (let bytes = READ_BYTES; ; bytes *= 2) {
      const head = Buffer.alloc(Math.min(bytes, sizeBytes))
      await file.read(head, 0, head.length, 0)
      const checked = checkGgufHeader(head, sizeBytes)
      if (checked.kind === 'bad') throw new Error(checked.reason)
      if (checked.kind === 'ok') return
      if (head.length === sizeBytes) throw new Error('its header goes beyond the end of the file')
    }
  } finally {
    await file.close()
  }
}

const READ_BYTES = 1 << 20

const PROBLEMS: Record<string, string> = {
  ENOENT: 'there is no such file; check the path, or download the model',
  EACCES: 'it may not be read; check its permissions',
  EISDIR: 'it is a folder; name the .gguf file in it'
}

function problemOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return PROBLEMS[code] ?? `${reasonOf(error)}; download it again`
}
