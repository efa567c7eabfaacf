/**
 * A file that is not all here yet: its bytes are in `<file>.part`, each at its place, and which
 * pieces of it have arrived in `<file>.part.json`. Whoever brings the rest, over HTTP or from
 * peers, goes on from there; the file gets its name when all of it is there and its SHA-256 is
 * right.
 */
import { open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { Pieces } from './pieces.ts'

export class PartialFile {
  /** Replaced by whoever learns the size only from its server. */
  pieces: Pieces
  /** Bytes whose arrival was made sure of. */
  keptBytes = 0
  readonly #path: string
  readonly #file: FileHandle
  readonly #sha256: string | null

  private constructor(path: string, file: FileHandle, pieces: Pieces, sha256: string | null) {
    this.#path = path
    this.#file = file
    this.pieces = pieces
    this.#sha256 = sha256
  }

  /** Opens what an earlier try has left of the same file, or begins anew. */
  static async open(
    path: string,
    { sizeBytes, sha256 }: { sizeBytes: number | null; sha256: string | null }
  ): Promise<PartialFile> {
    const partial = `${path}.part`
    const kept = parseKept(await readFile(`${partial}.json`, 'utf8').catch(() => ''))
    if (kept !== null && kept.sizeBytes === sizeBytes && kept.sha256 === sha256) {
      const file = await open(partial, 'r+').catch(() => null)
      if (file !== null) {
        return new PartialFile(path, file, new Pieces(kept.sizeBytes, kept.pieces), sha256)
      }
    }
    await rm(`${path}.ipull`, { force: true }) // what an older HAIF has left
    return new PartialFile(path, await open(partial, 'w+'), new Pieces(sizeBytes ?? 0), sha256)
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten // less than all of it when the disk has just become full
    }
  }

  async read(from: number, to: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(to - from)
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, from)
    return bytes.subarray(0, bytesRead)
  }

  truncate(bytes: number): Promise<void> {
    return this.#file.truncate(bytes)
  }

  /** First the bytes, then the word that they are there. */
  async keep(): Promise<void> {
    const { sizeBytes, map, arrivedBytes } = this.pieces
    this.keptBytes = arrivedBytes
    await this.#file.datasync()
    const list = `${this.#path}.part.json`
    await writeFile(`${list}.new`, JSON.stringify({ sizeBytes, sha256: this.#sha256, pieces: map }))
    await rename(`${list}.new`, list)
  }

  sync(): Promise<void> {
    return this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** Gives a partial file whose `digest` is known now its name. False: it is another, and is gone. */
export async function finishPartial(
  path: string,
  digest: string,
  sha256: string | null
): Promise<boolean> {
  await rm(`${path}.part.json`, { force: true })
  if (sha256 !== null && sha256 !== digest) {
    await rm(`${path}.part`)
    return false
  }
  await rename(`${path}.part`, path)
  return true
}

interface Kept {
  sizeBytes: number
  sha256: string | null
  pieces: string
}

function parseKept(text: string): Kept | null {
  try {
    const { sizeBytes, sha256, pieces } = JSON.parse(text) as Partial<Kept>
    if (typeof sizeBytes !== 'number' || typeof pieces !== 'string') return null
    return { sizeBytes, sha256: sha256 ?? null, pieces }
  } catch {
    return null // none, or one that was cut off
  }
}
