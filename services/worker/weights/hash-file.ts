/**
 * The SHA-256 of a file, and of each of its chunks, in a thread of its own: a model of many
 * gigabytes takes a minute of a core, and this one has tokens to stream. It can follow a file that
 * is still coming, so that the end does not wait for all of it to be read again.
 */
import { stat } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'

export interface FileDigests {
  sha256: string
  /** Of its chunks; empty where they are not wanted. */
  digests: Buffer
}

export interface HashSetup {
  path: string
  bytes: number
  chunkBytes: number | null
}

export class FileHash implements Disposable {
  /** Rejects with the reason of the disk. */
  readonly done: Promise<FileDigests>
  readonly #thread: Worker

  constructor(setup: HashSetup) {
    const { promise, resolve, reject } = Promise.withResolvers<FileDigests>()
    this.done = promise
    promise.catch(() => {}) // whoever waits for it hears of it
    const url = new URL('hash-thread.ts', import.meta.url)
    this.#thread = new Worker(url, { workerData: setup, execArgv: [] })
    this.#thread.once('message', ({ sha256, digests }: FileDigests) =>
      resolve({ sha256, digests: Buffer.from(digests) })
    )
    this.#thread.once('error', reject)
    this.#thread.once('exit', () => reject(new Error('the thread that hashes ended')))
  }

  /** The bytes before this one are there now. */
  follow(upTo: number): void {
    this.#thread.postMessage(upTo)
  }

  [Symbol.dispose](): void {
    void this.#thread.terminate()
  }
}

export async function hashFile(
  path: string,
  chunkBytes: number
): Promise<FileDigests & { bytes: number }> {
  const { size: bytes } = await stat(path)
  using hash = new FileHash({ path, bytes, chunkBytes })
  hash.follow(bytes)
  return { bytes, ...(await hash.done) }
}
