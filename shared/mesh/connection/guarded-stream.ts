/**
 * An encrypted stream that takes next to nothing from the other side until it has said hello.
 *
 * The transport allows messages of 16 MiB and makes room for one when its length has come, before
 * anybody has looked at who sends it. So the lengths are read here first, and a stranger who
 * announces a long message, or sends many short ones, loses the connection instead.
 */
import SecretStream from '@hyperswarm/secret-stream'
import { HaifError } from '#shared/errors.ts'
import { HELLO_BYTES_MAX } from './hello.ts'

/** A message: a hello, the name of its method, and the 17 bytes of its encryption. */
const MESSAGE_BYTES_MAX = HELLO_BYTES_MAX + 64
/** All of them: opening the channel, the hello, keep-alives of three seconds. */
const TOTAL_BYTES_MAX = 4 * MESSAGE_BYTES_MAX
const LENGTH_BYTES = 3

interface Bounds {
  /** Of one message, as it comes over the connection. */
  messageBytes: number
  /** Of all messages together. */
  totalBytes: number
}

const STRANGER_BOUNDS = { messageBytes: MESSAGE_BYTES_MAX, totalBytes: TOTAL_BYTES_MAX }

export class GuardedStream extends SecretStream {
  #bounds: Bounds | null = STRANGER_BOUNDS
  #total = 0
  #lengthRead = 0
  #length = 0
  #missing = 0

  /** The peer has said who it is. Null: from now on the bounds of the channels hold. */
  trust(bounds: Bounds | null): void {
    this.#bounds = bounds
  }

  // The name is the transport's own. Were it another one day, a test would fail.
  override _onrawdata(data: Buffer): void {
    if (this.#bounds !== null && !this.#admits(data, this.#bounds)) {
      this.destroy(new HaifError('PROTOCOL_MISMATCH', 'too much was said for a peer unknown here'))
      return
    }
    super._onrawdata(data)
  }

  #admits(data: Buffer, { messageBytes, totalBytes }: Bounds): boolean {
    this.#total += data.length
    if (this.#total > totalBytes) return false
    for (let at = 0; at < data.length;) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, data.length - at)
        this.#missing -= taken
        at += taken
        continue
      }
      this.#length += data[at++]! * 256 ** this.#lengthRead++
      if (this.#lengthRead < LENGTH_BYTES) continue
      if (this.#length > messageBytes) return false
      this.#missing = this.#length
      this.#lengthRead = 0
      this.#length = 0
    }
    return true
  }
}

/** For hyperdht, which makes the stream when it has a connection. */
export const guarded = {
  createSecretStream: (...given: ConstructorParameters<typeof SecretStream>) =>
    new GuardedStream(...given)
}

export function trust(stream: object, bounds: Bounds | null): void {
  if (stream instanceof GuardedStream) stream.trust(bounds)
}
