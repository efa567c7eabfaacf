/**
 * Writing and reading the bytes of items: numbers and texts as compact-encoding lays them out
 * (SPEC.md, "Frames"), without a second pass over what is to be written.
 */
const FIRST_BYTES = 512 // from Node's pool; a frame of some tokens fits
const NONE = Buffer.alloc(0)
/**
 * Texts up to here are written and read letter by letter: cheaper than a call out of JavaScript.
 */
const SHORT_CHARACTERS = 32

export class ByteWriter {
  #bytes = NONE
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Drops the bytes written since the writer had this length. */
  truncate(length: number): void {
    this.#length = length
  }

  /** Returns the bytes written since the last `take`. They belong to the caller from now on. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length)
    this.#bytes = NONE
    this.#length = 0
    return bytes
  }

  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} is no whole number`)
    this.#reserve(9)
    const bytes = this.#bytes
    if (value <= 0xfc) {
      bytes[this.#length++] = value
    } else if (value <= 0xffff) {
      bytes[this.#length] = 0xfd
      this.#length = bytes.writeUInt16LE(value, this.#length + 1)
    } else if (value <= 0xffffffff) {
      bytes[this.#length] = 0xfe
      this.#length = bytes.writeUInt32LE(value, this.#length + 1)
    } else {
      bytes[this.#length] = 0xff
      this.#length = bytes.writeBigUInt64LE(BigInt(value), this.#length + 1)
    }
  }

  text(value: string): void {
    if (value.length <= SHORT_CHARACTERS && this.#ascii(value)) return
    const size = Buffer.byteLength(value)
    this.uint(size)
    this.#reserve(size)
    this.#length += this.#bytes.write(value, this.#length)
  }

  /** Any bytes, with how many there are before them. */
  bytes(value: Uint8Array): void {
    this.uint(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Returns false and writes nothing when a character needs more than one byte. */
  #ascii(value: string): boolean {
    const { length } = value
    this.#reserve(length + 1)
    const bytes = this.#bytes
    let at = this.#length
    bytes[at++] = length
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[at++] = code
    }
    this.#length = at
    return true
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, FIRST_BYTES, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

/** Its methods throw a plain error where the bytes are malformed. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes that are not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  uint(): number {
    this.#assertLeft(1)
    const first = this.#bytes[this.#at++]!
    if (first <= 0xfc) return first
    const size = first === 0xfd ? 2 : first === 0xfe ? 4 : 8
    this.#assertLeft(size)
    const at = this.#at
    this.#at += size
    if (size === 2) return this.#bytes.readUInt16LE(at)
    if (size === 4) return this.#bytes.readUInt32LE(at)
    const value = Number(this.#bytes.readBigUInt64LE(at))
    if (!Number.isSafeInteger(value)) throw new Error('a number is too large')
    return value
  }

  text(): string {
    const size = this.uint()
    this.#assertLeft(size)
    const from = this.#at
    this.#at += size
    return (
      (size <= SHORT_CHARACTERS ? this.#ascii(from) : null) ??
      this.#bytes.toString('utf8', from, this.#at)
    )
  }

  bytes(): Buffer {
    const size = this.uint()
    this.#assertLeft(size)
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }

  /** Returns null when a character has more than one byte. */
  #ascii(from: number): string | null {
    let text = ''
    for (let at = from; at < this.#at; at++) {
      const code = this.#bytes[at]!
      if (code > 0x7f) return null
      text += String.fromCharCode(code)
    }
    return text
  }

  #assertLeft(bytes: number): void {
    if (bytes > this.left) throw new Error('the bytes end too early')
  }
}
