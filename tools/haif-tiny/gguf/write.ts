/**
 * The layout of a GGUF file (version 3), enough to write llama models by hand.
 *
 *     magic, version, counts | key-value pairs | tensor directory | padding | tensor data
 *
 * Tensor values are asked for row range by row range, so a file of any size is written in constant
 * memory. Dimension 0 of a tensor is the input dimension, the one that is contiguous in memory.
 */
import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import { byteLength, encodeValues, TENSOR_TYPES, type TensorType } from './quantize.ts'

export type KeyValue =
  | readonly [key: string, type: ScalarType, value: Scalar]
  | readonly [key: string, type: 'arr', itemType: ScalarType, items: readonly Scalar[]]

/** Returns `count` values of a tensor from flat index `start` on. */
export interface ReadValues {
  (start: number, count: number): Float32Array
  /** The values repeat after so many, whole blocks of them, and need be encoded only once. */
  period?: number
}

export interface Tensor {
  name: string
  dims: number[]
  type: TensorType
  read: ReadValues
}

/** Writes the file and returns its size in bytes. */
export function writeGguf(
  file: string,
  keyValues: readonly KeyValue[],
  tensors: readonly Tensor[]
): number {
  const header = encodeHeader(keyValues, tensors)
  const fd = openSync(file, 'w')
  try {
    writeSync(fd, header)
    for (const tensor of tensors) writeTensor(fd, tensor)
  } finally {
    closeSync(fd)
  }
  return statSync(file).size
}

const MAGIC = 'GGUF'
const VERSION = 3
const ALIGNMENT_BYTES = 32
const VALUES_PER_WRITE = 1 << 20 // 4 MiB of float32 held at a time

const VALUE_TYPES = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  str: 8,
  arr: 9,
  u64: 10,
  i64: 11,
  f64: 12
} as const
type ScalarType = Exclude<keyof typeof VALUE_TYPES, 'arr'>
type Scalar = number | boolean | string

function encodeHeader(keyValues: readonly KeyValue[], tensors: readonly Tensor[]): Buffer {
  const header = Buffer.concat([
    Buffer.from(MAGIC),
    encodeScalar('u32', VERSION),
    encodeScalar('u64', tensors.length),
    encodeScalar('u64', keyValues.length),
    ...keyValues.map(encodeKeyValue),
    encodeDirectory(tensors)
  ])
  return Buffer.concat([header, padding(header.length)])
}

function encodeKeyValue(entry: KeyValue): Buffer {
  const head = [encodeScalar('str', entry[0]), encodeScalar('u32', VALUE_TYPES[entry[1]])]
  if (entry[1] !== 'arr') return Buffer.concat([...head, encodeScalar(entry[1], entry[2])])
  const [, , itemType, items] = entry
  return Buffer.concat([
    ...head,
    encodeScalar('u32', VALUE_TYPES[itemType]),
    encodeScalar('u64', items.length),
    ...items.map((item) => encodeScalar(itemType, item))
  ])
}

function encodeDirectory(tensors: readonly Tensor[]): Buffer {
  const parts: Buffer[] = []
  let offset = 0
  for (const { name, dims, type } of tensors) {
    parts.push(encodeScalar('str', name), encodeScalar('u32', dims.length))
    for (const dim of dims) parts.push(encodeScalar('u64', dim))
    parts.push(encodeScalar('u32', TENSOR_TYPES[type].id), encodeScalar('u64', offset))
    const bytes = byteLength(type, valueCount(dims))
    offset += bytes + padding(bytes).length
  }
  return Buffer.concat(parts)
}

function writeTensor(fd: number, { dims, type, read }: Tensor): void {
  const rowLength = dims[0] ?? 1
  const total = valueCount(dims)
  const step = Math.max(1, Math.floor(VALUES_PER_WRITE / rowLength)) * rowLength
  if (read.period !== undefined && total > read.period) {
    writeRepeated(fd, encodeValues(type, read(0, read.period)), byteLength(type, total))
    writeSync(fd, padding(byteLength(type, total)))
    return
  }
  for (let start = 0; start < total; start += step) {
    writeSync(fd, encodeValues(type, read(start, Math.min(step, total - start))))
  }
  writeSync(fd, padding(byteLength(type, total)))
}

function writeRepeated(fd: number, period: Buffer, bytes: number): void {
  const many = Buffer.concat(Array<Buffer>(PERIODS_PER_WRITE).fill(period))
  for (let left = bytes; left > 0;) left -= writeSync(fd, many, 0, Math.min(left, many.length))
}

const PERIODS_PER_WRITE = 64

function encodeScalar(type: ScalarType, value: Scalar): Buffer {
  const out = Buffer.alloc(8)
  switch (type) {
    case 'str': {
      const text = Buffer.from(String(value))
      return Buffer.concat([encodeScalar('u64', text.length), text])
    }
    case 'bool':
    case 'u8':
      return out.subarray(0, out.writeUInt8(Number(value)))
    case 'i8':
      return out.subarray(0, out.writeInt8(Number(value)))
    case 'u16':
      return out.subarray(0, out.writeUInt16LE(Number(value)))
    case 'i16':
      return out.subarray(0, out.writeInt16LE(Number(value)))
    case 'u32':
      return out.subarray(0, out.writeUInt32LE(Number(value)))
    case 'i32':
      return out.subarray(0, out.writeInt32LE(Number(value)))
    case 'f32':
      return out.subarray(0, out.writeFloatLE(Number(value)))
    case 'u64':
      return out.subarray(0, out.writeBigUInt64LE(BigInt(value)))
    case 'i64':
      return out.subarray(0, out.writeBigInt64LE(BigInt(value)))
    case 'f64':
      return out.subarray(0, out.writeDoubleLE(Number(value)))
  }
}

const padding = (bytes: number): Buffer =>
  Buffer.alloc(Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES - bytes)
const valueCount = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1)
