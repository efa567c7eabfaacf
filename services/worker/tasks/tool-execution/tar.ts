/**
 * Files in a stream of bytes, so that no name that a sandbox chose ever touches the file system of
 * the machine: https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
import { HaifError } from '#shared/errors.ts'

const BLOCK = 512
const NAME_BYTES_MAX = 100

export interface PackedFile {
  /** With slashes, relative. */
  name: string
  bytes: Buffer
}

/** `name`: ASCII or UTF-8 of at most 100 bytes. */
export function pack(files: readonly PackedFile[]): Buffer {
  const parts = files.flatMap(({ name, bytes }) => [
    header(name, bytes.length),
    bytes,
    Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)
  ])
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  if (block.write(name, 0, NAME_BYTES_MAX) < Buffer.byteLength(name)) {
    throw new HaifError('VALIDATION_FAILED', `${name} is too long for the name of a file`)
  }
  block.write('0000444\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((all, byte) => all + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** A file of an archive. Its bytes are read before the next file is asked for. */
export interface UnpackedFile {
  name: string
  sizeBytes: number
  body: AsyncIterable<Buffer>
}

/** The regular files of an archive in the ustar format, whatever else it holds; it is untrusted. */
export async function* unpack(bytes: ByteQueue): AsyncGenerator<UnpackedFile> {
  for (;;) {
    const block = await bytes.exactly(BLOCK)
    if (block === null || block.every((byte) => byte === 0)) break
    const sizeBytes = octal(block.subarray(124, 136))
    const isFile = block[156] === 0x30 || block[156] === 0 // no folder, link or pipe
    if (isFile) yield { name: nameIn(block), sizeBytes, body: bytes.next(sizeBytes) }
    else await bytes.skip(sizeBytes)
    await bytes.skip((BLOCK - (sizeBytes % BLOCK)) % BLOCK)
  }
  await bytes.end() // whoever writes the archive may still be filling its last record
}

/** Bytes that are taken in other portions than they come. */
export class ByteQueue {
  readonly #source: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Null at the end. */
  async exactly(count: number): Promise<Buffer | null> {
    const parts: Buffer[] = []
    for await (const part of this.next(count, true)) parts.push(part)
    return parts.length === 0 ? null : Buffer.concat(parts)
  }

  async skip(count: number): Promise<void> {
    for await (const _ of this.next(count));
  }

  async *next(count: number, mayEnd = false): AsyncGenerator<Buffer> {
    let left = count
    while (left > 0) {
      if (this.#rest.length === 0) this.#rest = (await this.#more()) ?? this.#rest
      if (this.#rest.length === 0) {
        if (mayEnd && left === count) return
        throw damaged()
      }
      const part = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(part.length)
      left -= part.length
      yield part
    }
  }

  async end(): Promise<void> {
    while ((await this.#more()) !== null);
  }

  async #more(): Promise<Buffer | null> {
    const { done, value } = await this.#source.next()
    return done === true ? null : value
  }
}

function nameIn(block: Buffer): string {
  const prefix = textIn(block.subarray(345, 500))
  const name = textIn(block.subarray(0, 100))
  return (prefix === '' ? name : `${prefix}/${name}`).replace(/^\.\//, '')
}

function textIn(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}

function octal(bytes: Buffer): number {
  const text = textIn(bytes).trim()
  if (!/^[0-7]{1,12}$/.test(text)) throw damaged()
  return Number.parseInt(text, 8)
}

const damaged = (): HaifError =>
  new HaifError('TOOL_FAILED', 'the files that the tool left cannot be read')
