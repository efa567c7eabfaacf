/**
 * The number formats of tensors: how float32 values become the bytes of a GGUF file.
 *
 * F32 and F16 keep every value. Q8_0 and Q4_0 keep one half-precision scale per block of 32 values
 * and a small integer for each: 8.5 and 4.5 bits a value.
 */
export const TENSOR_TYPES = {
  F32: { id: 0, blockValues: 1, blockBytes: 4 },
  F16: { id: 1, blockValues: 1, blockBytes: 2 },
  Q4_0: { id: 2, blockValues: 32, blockBytes: 18 },
  Q8_0: { id: 8, blockValues: 32, blockBytes: 34 }
} as const
export type TensorType = keyof typeof TENSOR_TYPES

export const isTensorType = (name: string): name is TensorType => Object.hasOwn(TENSOR_TYPES, name)

export function byteLength(type: TensorType, values: number): number {
  const { blockValues, blockBytes } = TENSOR_TYPES[type]
  if (values % blockValues !== 0)
    throw new RangeError(`${type} needs a multiple of ${blockValues} values, not ${values}`)
  return (values / blockValues) * blockBytes
}

export function encodeValues(type: TensorType, values: Float32Array): Buffer {
  switch (type) {
    case 'F32':
      return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
    case 'F16':
      return Buffer.from(new Float16Array(values).buffer)
    case 'Q8_0':
      return encodeBlocks(type, values, encodeQ8Block)
    case 'Q4_0':
      return encodeBlocks(type, values, encodeQ4Block)
  }
}

type EncodeBlock = (out: DataView, at: number, block: Float32Array) => void

function encodeBlocks(type: TensorType, values: Float32Array, encodeBlock: EncodeBlock): Buffer {
  const { blockValues, blockBytes } = TENSOR_TYPES[type]
  const out = Buffer.alloc(byteLength(type, values.length))
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  for (let block = 0; block < values.length / blockValues; block++) {
    const from = block * blockValues
    encodeBlock(view, block * blockBytes, values.subarray(from, from + blockValues))
  }
  return out
}

/** The scale, then 32 signed bytes. */
function encodeQ8Block(out: DataView, at: number, block: Float32Array): void {
  const scale = Math.abs(largest(block)) / 127
  const inverse = scale === 0 ? 0 : 1 / scale
  out.setFloat16(at, scale, true)
  block.forEach((value, i) => out.setInt8(at + 2 + i, Math.round(value * inverse)))
}

/** The scale, then 16 bytes: value i in the low half of byte i, value i + 16 in the high half. */
function encodeQ4Block(out: DataView, at: number, block: Float32Array): void {
  const scale = largest(block) / -8 // signed, so that the largest value maps to exactly -8
  const inverse = scale === 0 ? 0 : 1 / scale
  const quantize = (value: number) => Math.min(15, Math.trunc(value * inverse + 8.5))
  out.setFloat16(at, scale, true)
  for (let i = 0; i < 16; i++) {
    out.setUint8(at + 2 + i, quantize(block[i]!) | (quantize(block[i + 16]!) << 4))
  }
}

/** The value furthest from zero, with its sign. */
function largest(block: Float32Array): number {
  let found = 0
  for (const value of block) if (Math.abs(value) > Math.abs(found)) found = value
  return found
}
