/**
 * Replies that the other end has not read yet. Streams have credit; a call has none, and a peer
 * that asks and does not read would have us keep every answer. So a reply waits, not yet written,
 * until the connection has taken the ones before it, and what is sent without waiting, as errors
 * are, has a bound beyond which the connection is closed.
 */

/** Replies on their way before the next one waits. */
const SENT_BYTES_MAX = 1024 * 1024
/** One reply more, and all the errors that a peer can have asked for. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024
/** What the libraries below keep of each reply, however short. */
const REPLY_BYTES = 2048

/** The connection, as far as it tells whether it takes more without keeping it. */
interface Connection {
  readonly drained: boolean
}

interface Drainable {
  on(event: 'drain', listener: () => void): unknown
}

/** A reply that is written when there is room for it. */
interface Waiting {
  write: () => Buffer
  resolve: (reply: Buffer) => void
  reject: (error: unknown) => void
}

export class UnreadReplies {
  readonly #connection: Connection
  readonly #onTooMany: (reason: string) => void
  #waiting: Waiting[] = [] // as many as there are calls in work
  #bytes = 0
  #closed = false

  constructor(connection: Connection, stream: Drainable, onTooMany: (reason: string) => void) {
    this.#connection = connection
    this.#onTooMany = onTooMany
    stream.on('drain', () => this.#makeRoom())
  }

  /** Writes the reply when the ones before it have left; what `write` throws comes back. */
  whenRoom(write: () => Buffer): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    this.#waiting.push({ write, resolve, reject })
    this.#writeNext()
    return promise
  }

  /** A reply of so many bytes is sent. */
  add(bytes: number): void {
    if (this.#connection.drained) this.#bytes = 0
    this.#bytes += bytes + REPLY_BYTES
    if (this.#bytes <= UNREAD_BYTES_MAX || this.#closed) return
    this.#onTooMany(`it reads none of its replies: ${this.#bytes} bytes wait`)
  }

  close(): void {
    this.#closed = true
    this.#makeRoom()
  }

  #makeRoom(): void {
    this.#bytes = 0
    this.#writeNext()
  }

  #writeNext(): void {
    while (this.#bytes < SENT_BYTES_MAX || this.#closed) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      try {
        const reply = next.write()
        this.add(reply.length)
        next.resolve(reply)
      } catch (error) {
        next.reject(error)
      }
    }
  }
}
