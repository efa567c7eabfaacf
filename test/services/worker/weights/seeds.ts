/** Model files of random bytes, and sources that give them, for tests. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Scope } from '../../../helpers/peers/peers.ts'
import { writeRecord } from '../../../../services/worker/models/sources/local-model.ts'
import type { ChunkSource } from '../../../../services/worker/weights/chunk-source.ts'
import {
  chunksOf,
  DIGEST_BYTES,
  type Manifest
} from '../../../../services/worker/weights/manifest.ts'

export const MB = 1 << 20

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'haif-weights-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function manifestOf(bytes: Buffer, chunkBytes = MB): Manifest {
  const size = { bytes: bytes.length, chunkBytes }
  const digests = Array.from({ length: chunksOf(size) }, (_, i) =>
    createHash('sha256')
      .update(bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes))
      .digest()
  )
  return {
    sha256: sha256(bytes),
    ...size,
    digests: Buffer.concat(digests, digests.length * DIGEST_BYTES)
  }
}

/** A model in a models folder, as a download leaves it. */
export async function shelve(folder: string, name: string, bytes: Buffer): Promise<string> {
  const path = join(folder, `${name}.gguf`)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
  await writeRecord(path, sha256(bytes))
  return sha256(bytes)
}

/** Counts what it is asked for; `spoil` changes what it gives, or throws. */
export class ScriptedSource implements ChunkSource {
  readonly name: string
  readonly asked: number[] = []
  readonly #bytes: Buffer
  readonly #spoil: (chunk: Buffer, signal: AbortSignal) => Buffer | Promise<Buffer>
  readonly #manifest: Manifest | null

  constructor(
    name: string,
    bytes: Buffer,
    {
      spoil = (chunk: Buffer) => chunk,
      manifest = manifestOf(bytes)
    }: {
      spoil?: (chunk: Buffer, signal: AbortSignal) => Buffer | Promise<Buffer>
      manifest?: Manifest | null
    } = {}
  ) {
    this.name = name
    this.#bytes = bytes
    this.#spoil = spoil
    this.#manifest = manifest
  }

  async manifest(): Promise<Manifest | null> {
    return this.#manifest
  }

  async read({ from, to }: { from: number; to: number }, signal: AbortSignal): Promise<Buffer> {
    this.asked.push(from / MB)
    return this.#spoil(Buffer.from(this.#bytes.subarray(from, to)), signal)
  }
}

export const weightsOf = (megabytes: number, more = 17): Buffer =>
  randomBytes(megabytes * MB + more)
