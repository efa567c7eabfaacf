/** What a harness says: frames of a kind and some bytes. All of it is untrusted. */
import { HaifError } from '#shared/errors.ts'
import { ByteQueue } from '../tool-execution/tar.ts'

/**
 * `y`: it is ready. `f`: a file begins, with its name. `d`: bytes of it. `v`: a part of the value,
 * as JSON. `x`: it failed, and why. `z`: it has ended, and is ready for another run.
 * `c`: it calls another function, and waits for the reply.
 */
const KINDS = ['y', 'f', 'd', 'v', 'x', 'c', 'z'] as const

interface Frame {
  kind: (typeof KINDS)[number]
  bytes: Buffer
}

const HEAD_BYTES = 5
const FRAME_BYTES_MAX = 1 << 20

/** Ends where the process has ended. */
export async function* readFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  const queue = new ByteQueue(source)
  for (;;) {
    const head = await queue.exactly(HEAD_BYTES)
    if (head === null) return
    const kind = KINDS.find((each) => each === String.fromCharCode(head[0]!))
    const length = head.readUInt32BE(1)
    if (kind === undefined || length > FRAME_BYTES_MAX) {
      throw new HaifError('FUNCTION_FAILED', 'the function wrote into the pipe of its harness')
    }
    yield { kind, bytes: length === 0 ? Buffer.alloc(0) : (await queue.exactly(length))! }
  }
}

/** A request to the harness. */
export function requestBytes(request: object): Buffer {
  const body = Buffer.from(JSON.stringify(request))
  const head = Buffer.alloc(8)
  head.writeBigUInt64BE(BigInt(body.length))
  return Buffer.concat([head, body])
}
