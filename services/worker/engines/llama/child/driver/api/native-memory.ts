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

/**
 * The logits at an address of C, in place. Views are kept, because making one costs as much as
 * drawing from it, and a thread that is always busy gives none back.
 */
export class LogitViews {
  readonly #vocabularySize: number
  /** Their number is bounded by the outputs of a batch, unless C moves its buffer. */
  readonly #views = new Map<Pointer, Float32Array>()

  constructor(vocabularySize: number) {
    this.#vocabularySize = vocabularySize
  }

  at(address: Pointer): Float32Array {
    const known = this.#views.get(address)
    if (known !== undefined) return known
    if (this.#views.size >= VIEWS_MAX) this.#views.clear()
    const view = floatsAt(address, this.#vocabularySize)
    this.#views.set(address, view)
    return view
  }
}

const VIEWS_MAX = 1_024

/** The floats at an address of C, in place. */
export function floatsAt(address: Pointer, length: number): Float32Array {
  return new Float32Array(koffi.view(address, length * Float32Array.BYTES_PER_ELEMENT))
}
