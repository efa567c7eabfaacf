/** The thread of `hash-file.ts`: reads a file once, as far as it is there, and answers once. */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { FileDigests, HashSetup } from './hash-file.ts'

const READ_BYTES = 1 << 20

const { path, bytes, chunkBytes } = workerData as HashSetup
const whole = createHash('sha256')
const digests: Buffer[] = []
const buffer = Buffer.allocUnsafe(READ_BYTES)
const file = openSync(path, 'r')
let chunk: Hash | null = null
let at = 0

parentPort!.on('message', (upTo: number) => {
  while (at < upTo) {
    const wanted = Math.min(READ_BYTES, upTo - at)
    const read = readSync(file, buffer, 0, wanted, at)
    if (read === 0) throw new Error(`${path} has become shorter`)
    take(buffer.subarray(0, read))
  }
  if (at < bytes) return
  closeSync(file)
  if (chunk !== null) digests.push(chunk.digest())
  const found: FileDigests = { sha256: whole.digest('hex'), digests: Buffer.concat(digests) }
  parentPort!.postMessage(found)
  parentPort!.close()
})

function take(part: Buffer): void {
  whole.update(part)
  if (chunkBytes !== null) takeChunks(part, chunkBytes)
  at += part.length
}

function takeChunks(part: Buffer, size: number): void {
  for (let from = 0; from < part.length;) {
    const room = size - ((at + from) % size)
    const some = part.subarray(from, from + room)
    chunk ??= createHash('sha256')
    chunk.update(some)
    from += some.length
    if (some.length < room) continue
    digests.push(chunk.digest())
    chunk = null
  }
}
