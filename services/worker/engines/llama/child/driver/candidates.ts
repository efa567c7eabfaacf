/**
 * Tokens with their logits, as C's samplers take them (`llama_token_data_array`), in memory of our
 * own. Sizes and places are those of 64-bit machines; `openLlama` refuses others.
 *
 *     data: { int32 id; float logit; float p }[]     array: { data*, size, int64 selected, bool }
 */
import type { Token } from '../vocabulary.ts'
import type { Shortlist } from './shortlist/shortlist.ts'
import type { Pointer } from './api/llama-api.ts'
import { nativeArray, type NativeArray } from './api/native-memory.ts'

const ENTRY_WORDS = 3
const [DATA, SIZE, SELECTED, SORTED] = [0, 1, 2, 3]
const ARRAY_WORDS = 4

export class CandidateArray {
  readonly #ids: Int32Array
  readonly #logits: Float32Array
  readonly #data: NativeArray<Int32Array>
  readonly #array = nativeArray(BigInt64Array, ARRAY_WORDS)

  constructor(sizeMax: number) {
    this.#data = nativeArray(Int32Array, sizeMax * ENTRY_WORDS)
    this.#ids = this.#data.array
    this.#logits = new Float32Array(this.#ids.buffer)
  }

  get address(): Pointer {
    return this.#array.address
  }

  /** Has one token, which a grammar then leaves as it is or makes impossible. */
  setOne(token: Token): void {
    this.#ids[0] = token
    this.#logits[1] = 0
    this.#logits[2] = 0
    this.#reset(1)
  }

  /** Has all tokens of the vocabulary, with these logits. */
  setAll(logits: Float32Array): void {
    for (let token = 0, at = 0; token < logits.length; token++, at += ENTRY_WORDS) {
      this.#ids[at] = token
      this.#logits[at + 1] = logits[token]!
      this.#logits[at + 2] = 0
    }
    this.#reset(logits.length)
  }

  /** Makes one of all tokens impossible. */
  bar(token: Token): void {
    this.#logits[token * ENTRY_WORDS + 1] = -Infinity
  }

  /** Has the likeliest tokens, in order. */
  setShortlist({ ids, logits }: Shortlist): void {
    for (let i = 0, at = 0; i < ids.length; i++, at += ENTRY_WORDS) {
      this.#ids[at] = ids[i]!
      this.#logits[at + 1] = logits[i]!
      this.#logits[at + 2] = 0
    }
    this.#reset(ids.length)
    this.#array.array[SORTED] = 1n
  }

  get isFirstPossible(): boolean {
    return this.#logits[1] !== -Infinity
  }

  get likeliest(): Token {
    let best = 0
    const size = Number(this.#array.array[SIZE])
    for (let i = 1; i < size; i++) {
      if (this.#logits[i * ENTRY_WORDS + 1]! > this.#logits[best * ENTRY_WORDS + 1]!) best = i
    }
    return this.#ids[best * ENTRY_WORDS] as Token
  }

  /** The token that the last sampler has chosen; −1: none. */
  get selected(): number {
    const at = Number(this.#array.array[SELECTED])
    return at < 0 ? -1 : this.#ids[at * ENTRY_WORDS]!
  }

  #reset(size: number): void {
    const { array } = this.#array
    array[DATA] = this.#data.address
    array[SIZE] = BigInt(size)
    array[SELECTED] = -1n
    array[SORTED] = 0n
  }
}
