/** llama.cpp's batch, over arrays of our own. Each token belongs to one sequence. */
import type { Token } from '../vocabulary.ts'
import type { Batch as BatchStruct, Pointer } from './api/llama-api.ts'
import { nativeArray, type NativeArray } from './api/native-memory.ts'

const INT32_BYTES = 4

export class Batch {
  readonly tokensMax: number
  /** What C takes. */
  readonly struct: BatchStruct
  readonly #tokens: NativeArray<Int32Array>
  readonly #positions: NativeArray<Int32Array>
  readonly #sequences: NativeArray<Int32Array>
  readonly #outputs: NativeArray<Int8Array>

  constructor(tokensMax: number) {
    this.tokensMax = tokensMax
    this.#tokens = nativeArray(Int32Array, tokensMax)
    this.#positions = nativeArray(Int32Array, tokensMax)
    this.#sequences = nativeArray(Int32Array, tokensMax)
    this.#outputs = nativeArray(Int8Array, tokensMax)
    this.struct = {
      n_tokens: 0,
      token: this.#tokens.address,
      embd: null,
      pos: this.#positions.address,
      n_seq_id: ones(tokensMax),
      seq_id: pointersTo(this.#sequences.address, tokensMax),
      logits: this.#outputs.address
    }
  }

  get size(): number {
    return this.struct.n_tokens
  }

  clear(): void {
    this.struct.n_tokens = 0
  }

  /** `output`: the tokens whose result is wanted. Returns the place of the last token. */
  add(tokens: readonly Token[], { sequence, position, output }: BatchPlace): number {
    let at = this.struct.n_tokens
    for (const [i, token] of tokens.entries()) {
      this.#tokens.array[at] = token
      this.#positions.array[at] = position + i
      this.#sequences.array[at] = sequence
      const isWanted = output === 'all' || (output === 'last' && i === tokens.length - 1)
      this.#outputs.array[at++] = isWanted ? 1 : 0
    }
    this.struct.n_tokens = at
    return at - 1
  }
}

interface BatchPlace {
  sequence: number
  /** Of the first token in its sequence. */
  position: number
  output: 'none' | 'last' | 'all'
}

function ones(length: number): Pointer {
  const { array, address } = nativeArray(Int32Array, length)
  array.fill(1)
  return address
}

function pointersTo(address: Pointer, length: number): Pointer {
  const pointers = nativeArray(BigUint64Array, length)
  for (let i = 0; i < length; i++) pointers.array[i] = address + BigInt(i * INT32_BYTES)
  return pointers.address
}
