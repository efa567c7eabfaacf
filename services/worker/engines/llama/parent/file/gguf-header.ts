/**
 * Whether the beginning of a GGUF file can be what it says: counts, lengths and places inside of
 * the file. Parsers that believe a length allocate it, or read for minutes; this one believes
 * nothing, and passes over what it need not know.
 *
 *     magic, version, counts | key-value pairs | tensor directory | padding | tensor data
 *
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3.)
 */
import { whatItIs, type GgufFacts } from './file-kind.ts'

/**
 * `bad`: the file is damaged, as `reason` says; `foreign`: it is whole and no file for this HAIF;
 * `needsBytes`: the header continues beyond the given bytes.
 */
type HeaderCheck =
  | { kind: 'ok'; facts: GgufFacts }
  | { kind: 'bad' | 'foreign'; reason: string }
  | { kind: 'needsBytes' }

/** `head`: the first bytes of the file, which has `fileBytes`. */
export function checkGgufHeader(head: Buffer, fileBytes: number): HeaderCheck {
  try {
    const foreign = foreignness(head, fileBytes)
    if (foreign !== null) return { kind: 'foreign', reason: foreign }
    return { kind: 'ok', facts: checkWhole(new Cursor(head, fileBytes), fileBytes) }
  } catch (error) {
    if (error instanceof NeedsBytes) return { kind: 'needsBytes' }
    if (error instanceof BadHeader) return { kind: 'bad', reason: error.message }
    throw error
  }
}

/** Vocabularies of 262,144 tokens with as many merges have 12 MB. */
const HEADER_BYTES_MAX = 256 << 20

const PAIRS_MAX = 65_536
const TENSORS_MAX = 65_536
const KEY_BYTES_MAX = 65_535
const TENSOR_NAME_BYTES_MAX = 63
const DIMENSIONS_MAX = 4
/** In all lists together; the largest vocabularies and their merges are a tenth. */
const TEXTS_MAX = 4_194_304
const ALIGNMENT_DEFAULT = 32
const ALIGNMENT_MAX = 1 << 20
const VERSIONS = [2, 3]

const STRING = 8
const ARRAY = 9
const U16 = 2
const U32 = 4
/** Bytes of the values of each type but strings and arrays. */
const VALUE_BYTES: readonly (number | undefined)[] = [
  1,
  1,
  2,
  2,
  4,
  4,
  4,
  1,
  undefined,
  undefined,
  8,
  8,
  8
]

/** Values and bytes of a block, by ggml's number of the type. Types that are not here are newer. */
const BLOCKS: ReadonlyMap<number, readonly [values: number, bytes: number]> = new Map([
  [0, [1, 4]], // F32
  [1, [1, 2]], // F16
  [2, [32, 18]], // Q4_0
  [3, [32, 20]], // Q4_1
  [6, [32, 22]], // Q5_0
  [7, [32, 24]], // Q5_1
  [8, [32, 34]], // Q8_0
  [9, [32, 36]], // Q8_1
  [10, [256, 84]], // Q2_K
  [11, [256, 110]], // Q3_K
  [12, [256, 144]], // Q4_K
  [13, [256, 176]], // Q5_K
  [14, [256, 210]], // Q6_K
  [15, [256, 292]], // Q8_K
  [16, [256, 66]], // IQ2_XXS
  [17, [256, 74]], // IQ2_XS
  [18, [256, 98]], // IQ3_XXS
  [19, [256, 50]], // IQ1_S
  [20, [32, 18]], // IQ4_NL
  [21, [256, 110]], // IQ3_S
  [22, [256, 82]], // IQ2_S
  [23, [256, 136]], // IQ4_XS
  [24, [1, 1]], // I8
  [25, [1, 2]], // I16
  [26, [1, 4]], // I32
  [27, [1, 8]], // I64
  [28, [1, 8]], // F64
  [29, [256, 56]], // IQ1_M
  [30, [1, 2]], // BF16
  [34, [256, 54]], // TQ1_0
  [35, [256, 66]], // TQ2_0
  [39, [32, 17]] // MXFP4
])
/** Their layouts were given up; no file that loads has them. */
const REMOVED_TYPES: ReadonlySet<number> = new Set([4, 5, 31, 32, 33, 36, 37, 38])
const TYPES_MAX = 256

/** Null where the file begins as those that can be read here; what is too short is damaged. */
function foreignness(head: Buffer, fileBytes: number): string | null {
  const begins = head.toString('latin1', 0, MAGIC.length)
  if (!MAGIC.startsWith(begins) || fileBytes === 0) return whatItIs(head)
  if (head.length < 8) return null
  const version = head.readUInt32LE(MAGIC.length)
  if (VERSIONS.includes(version)) return null
  if (version === 1) return 'its GGUF version 1 is too old: choose a newer file of the model'
  if ((version & 0xffff) === 0)
    return 'it is made for machines of the other byte order: choose another file'
  return `its GGUF version ${version} is not known here: update HAIF, or choose another file`
}

const MAGIC = 'GGUF'

class BadHeader extends Error {}
class NeedsBytes extends Error {}

const bad = (reason: string): BadHeader => new BadHeader(reason)

/** Reads numbers; what does not fit into the file is no number but damage. */
class Cursor {
  #texts = 0
  readonly #head: Buffer
  readonly #fileBytes: number
  at = 0

  constructor(head: Buffer, fileBytes: number) {
    this.#head = head
    this.#fileBytes = fileBytes
  }

  /** Throws where a list would be read for seconds. */
  expectTexts(count: number): void {
    this.#texts += count
    if (this.#texts > TEXTS_MAX) throw bad('its lists have more entries than any that is known')
  }

  /** Passes over so many bytes and returns where they begin. */
  skip(bytes: number): number {
    const from = this.at
    if (bytes > this.#fileBytes - from) throw bad('its header goes beyond the end of the file')
    if (from + bytes > HEADER_BYTES_MAX) throw bad('its header is larger than any that is known')
    if (from + bytes > this.#head.length) throw new NeedsBytes()
    this.at = from + bytes
    return from
  }

  u16(): number {
    return this.#head.readUInt16LE(this.skip(2))
  }

  u32(): number {
    return this.#head.readUInt32LE(this.skip(4))
  }

  /** A count or a size: larger ones than a file can have become `Infinity`. */
  u64(): number {
    const value = this.#head.readBigUInt64LE(this.skip(8))
    return value > Number.MAX_SAFE_INTEGER ? Infinity : Number(value)
  }

  text(bytesMax: number, what: string): string {
    const bytes = this.u64()
    if (bytes > bytesMax) throw bad(`${what} is longer than ${bytesMax} bytes`)
    const from = this.skip(bytes)
    return this.#head.toString('utf8', from, this.at)
  }
}

function checkWhole(cursor: Cursor, fileBytes: number): GgufFacts {
  cursor.skip(MAGIC.length + 4) // and the version
  const tensors = countOf(cursor, TENSORS_MAX, 'tensors')
  const pairs = countOf(cursor, PAIRS_MAX, 'metadata entries')
  const { alignment, facts } = checkPairs(cursor, pairs)
  const places = Array.from({ length: tensors }, () => checkTensor(cursor, alignment))
  const dataFrom = Math.ceil(cursor.at / alignment) * alignment
  for (const { name, end } of places) {
    if (dataFrom + end > fileBytes) throw bad(`it ends before its tensor ${name} does`)
  }
  return { ...facts, tensors }
}

function countOf(cursor: Cursor, most: number, what: string): number {
  const count = cursor.u64()
  if (count <= most) return count
  throw bad(`it says that it has more than ${most} ${what}`)
}

type Told = Omit<GgufFacts, 'tensors'>

/** Returns the alignment of tensors, and what the file says that it is. */
function checkPairs(cursor: Cursor, pairs: number): { alignment: number; facts: Told } {
  const keys = new Set<string>() // at most PAIRS_MAX
  const facts: Told = { architecture: '', type: '', splitNumber: 0, splitCount: 0 }
  let alignment = ALIGNMENT_DEFAULT
  for (let i = 0; i < pairs; i++) {
    const key = cursor.text(KEY_BYTES_MAX, 'a key of its metadata')
    if (keys.has(key)) throw bad(`its metadata has ${printable(key)} twice`)
    keys.add(key)
    const type = cursor.u32()
    if (key === 'general.alignment') alignment = alignmentOf(cursor, type)
    else if (key === 'general.architecture') facts.architecture = nameIn(cursor, type, key)
    else if (key === 'general.type') facts.type = nameIn(cursor, type, key)
    else if (key === 'split.no') facts.splitNumber = countIn(cursor, type, key)
    else if (key === 'split.count') facts.splitCount = countIn(cursor, type, key)
    else if (type === U32 && key.endsWith('.context_length')) facts.contextTokens = cursor.u32()
    else checkValue(cursor, type, key)
  }
  return { alignment, facts }
}

/** A value of another type is for the library to judge. */
function nameIn(cursor: Cursor, type: number, key: string): string {
  if (type === STRING) return cursor.text(NAME_BYTES_MAX, `its ${key}`)
  checkValue(cursor, type, key)
  return ''
}

function countIn(cursor: Cursor, type: number, key: string): number {
  if (type === U16) return cursor.u16()
  checkValue(cursor, type, key)
  return 0
}

const NAME_BYTES_MAX = 256

function alignmentOf(cursor: Cursor, type: number): number {
  const alignment = type === U32 ? cursor.u32() : 0
  const isPower = alignment > 0 && (alignment & (alignment - 1)) === 0
  if (isPower && alignment <= ALIGNMENT_MAX) return alignment
  throw bad('its alignment is no power of two')
}

function checkValue(cursor: Cursor, type: number, key: string): void {
  if (type === STRING) skipText(cursor)
  else if (type === ARRAY) checkArray(cursor, key)
  else cursor.skip(bytesOf(type, key))
}

function checkArray(cursor: Cursor, key: string): void {
  const type = cursor.u32()
  const count = cursor.u64()
  if (type !== STRING) {
    cursor.skip(count * bytesOf(type, key)) // also what is no number of bytes is too many
    return
  }
  cursor.expectTexts(count)
  for (let i = 0; i < count; i++) skipText(cursor)
}

function skipText(cursor: Cursor): void {
  cursor.skip(cursor.u64())
}

function bytesOf(type: number, key: string): number {
  const bytes = VALUE_BYTES[type]
  if (bytes === undefined) throw bad(`its metadata ${printable(key)} has a type that is not known`)
  return bytes
}

interface TensorPlace {
  name: string
  /** The place of a tensor, counted from the beginning of the data. */
  end: number
}

function checkTensor(cursor: Cursor, alignment: number): TensorPlace {
  const name = printable(cursor.text(TENSOR_NAME_BYTES_MAX, 'the name of a tensor'))
  const dimensions = cursor.u32()
  if (dimensions < 1 || dimensions > DIMENSIONS_MAX) {
    throw bad(`its tensor ${name} has ${dimensions} dimensions`)
  }
  const dims = Array.from({ length: dimensions }, () => cursor.u64())
  const type = cursor.u32()
  const offset = cursor.u64()
  if (dims.some((dim) => dim === 0)) throw bad(`its tensor ${name} is empty`)
  if (dims.includes(Infinity)) throw bad(`its tensor ${name} is larger than any file`)
  if (REMOVED_TYPES.has(type) || type >= TYPES_MAX) {
    throw bad(`its tensor ${name} has a type that is not known`)
  }
  if (offset % alignment !== 0) throw bad(`its tensor ${name} is not aligned`)
  const [values, bytes] = BLOCKS.get(type) ?? [Infinity, 0] // of a newer type only the place
  if (values !== Infinity && dims[0]! % values !== 0) {
    throw bad(`its tensor ${name} has rows that are no whole blocks`)
  }
  const count = dims.reduce((product, dim) => product * dim, 1)
  return { name, end: offset + (values === Infinity ? 0 : (count / values) * bytes) }
}

/** Names from a damaged file go into a message of one line. */
function printable(text: string): string {
  return text.replace(/[^\x21-\x7E]/g, '?').slice(0, 64)
}
