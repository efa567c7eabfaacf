/**
 * The SHA-256 of a file and of each of its chunks, in a thread of its own: a model of many
 * gigabytes takes a minute of a core, and this one has tokens to stream.
 */
import { Worker } from 'node:worker_threads'

interface FileDigests {
  sha256: string
  bytes: number
  digests: Buffer
}

/** Rejects with the reason of the disk, or of the signal. */
export async function hashFile(
  path: string,
  chunkBytes: number,
  signal?: AbortSignal
): Promise<FileDigests> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<FileDigests>()
  const thread = new Worker(new URL('hash-thread.ts', import.meta.url), {
    workerData: { path, chunkBytes },
    execArgv: []
  })
  const onAbort = () => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  thread.once('message', ({ sha256, bytes, digests }: FileDigests) =>
    resolve({ sha256, bytes, digests: Buffer.from(digests) })
  )
  thread.once('error', reject)
  thread.once('exit', () => reject(new Error('the thread that hashes ended')))
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await thread.terminate()
  }
}
