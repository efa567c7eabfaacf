/**
 * Messages of the Postgres protocol, as far as a server for our own client needs them.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

const TYPE_BYTES = 1
const LENGTH_BYTES = 4
/** One statement with its values; a batch of ours is far below. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024

export const STARTUP = 196_608 // version 3.0
export const CANCEL_REQUEST = 80_877_102
export const SSL_REQUEST = 80_877_103
export const GSS_REQUEST = 80_877_104

export interface Message {
  /** One letter; empty for the first message of a connection, which has none. */
  type: string
  /** Whole, with type and length. */
  bytes: Buffer
  body: Buffer
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
  #chunks: Buffer[] = [] // at most one message, and what came with its end
  #bytes = 0

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /**
   * Returns null until a whole message has come. `hasType` is false for messages of the startup.
   */
  next(hasType: boolean): Message | null {
    const head = (hasType ? TYPE_BYTES : 0) + LENGTH_BYTES
    if (this.#bytes < head) return null
    const [first] = this.#chunks
    const all = this.#chunks.length === 1 ? first! : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    const length = all.readInt32BE(hasType ? TYPE_BYTES : 0)
    const end = head - LENGTH_BYTES + length
    if (length < LENGTH_BYTES || end > MESSAGE_BYTES_MAX) {
      throw new Error('that is not the Postgres protocol')
    }
    if (this.#bytes < end) return null
    this.#chunks = end === all.length ? [] : [all.subarray(end)]
    this.#bytes -= end
    const type = hasType ? String.fromCharCode(all[0]!) : ''
    return { type, bytes: all.subarray(0, end), body: all.subarray(head, end) }
  }
}

export function message(type: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part))
  )
  const head = Buffer.alloc(TYPE_BYTES + LENGTH_BYTES)
  head.write(type)
  head.writeInt32BE(LENGTH_BYTES + body.length, TYPE_BYTES)
  return Buffer.concat([head, body])
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export const statement = (sql: string): Buffer => message('Q', sql)

export function errorMessage(severity: string, sqlState: string, text: string): Buffer {
  return message('E', `S${severity}`, `V${severity}`, `C${sqlState}`, `M${text}`, Buffer.alloc(1))
}

/** Nothing is open; sent after each statement. */
export const READY = message('Z', Buffer.from('I'))
