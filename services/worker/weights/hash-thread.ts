/** The thread of `hash-file.ts`: reads the file once, and answers once. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

const READ_BYTES = 1 << 20

const { path, chunkBytes } = workerData as { path: string; chunkBytes: number }
const whole = createHash('sha256')
const digests: Buffer[] = []
let chunk = createHash('sha256')
let bytes = 0
const parts: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: READ_BYTES })
for await (const part of parts) {
  whole.update(part)
  for (let at = 0; at < part.length;) {
    const room = chunkBytes - (bytes % chunkBytes)
    const some = part.subarray(at, at + room)
    chunk.update(some)
    bytes += some.length
    at += some.length
    if (bytes % chunkBytes !== 0) continue
    digests.push(chunk.digest())
    chunk = createHash('sha256')
  }
}
if (bytes % chunkBytes !== 0) digests.push(chunk.digest())
parentPort!.postMessage({ sha256: whole.digest('hex'), bytes, digests: Buffer.concat(digests) })
