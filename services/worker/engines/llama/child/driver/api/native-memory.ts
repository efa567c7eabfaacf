/** Memory that C reads and writes, as arrays. */
import koffi from 'koffi'
import type { Pointer } from './llama-api.ts'

export interface NativeArray<Elements> {
  array: Elements
  /** For C; valid for the life of the process. */
  address: Pointer
}

interface ArrayOf<Elements> {
  new (buffer: ArrayBuffer): Elements
  readonly BYTES_PER_ELEMENT: number
}

/** Never given back: it is for what a model uses as long as it lives. */
export function nativeArray<Elements>(
  Elements: ArrayOf<Elements>,
  length: number
): NativeArray<Elements> {
  const bytes = length * Elements.BYTES_PER_ELEMENT
  const memory: unknown = koffi.alloc('uint8_t', bytes)
  return { array: new Elements(koffi.view(memory, bytes)), address: koffi.address(memory) }
}

/** The floats at an address of C, in place. */
export function floatsAt(address: Pointer, length: number): Float32Array {
  return new Float32Array(koffi.view(address, length * Float32Array.BYTES_PER_ELEMENT))
}
