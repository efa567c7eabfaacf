/**
 * Which worker has seen which beginning of a prompt, and so probably has it in its KV cache.
 *
 * A prompt is cut into blocks; each block's hash covers everything before it, so prompts that begin
 * alike share their entries. It is a memory of what was sent where, not of what is cached: workers
 * forget by themselves, and a wrong guess costs a prefill, never a wrong answer.
 */
import { inputTexts, type InferenceInput } from '#shared/contracts/inference.ts'

export const BLOCK_CHARACTERS = 256
/** Longer prompts are told apart by their first 64 Ki characters. */
const BLOCKS_PER_PROMPT_MAX = 256
/** Entries over all prompts; the least recently used go first. About 10 MB. */
const BLOCKS_MAX = 65_536
const WORKERS_PER_BLOCK_MAX = 8

/** The chain of block hashes of a prompt; the last, incomplete block is left out. */
export function prefixChain(model: string, input: InferenceInput): number[] {
  const hash = new ChainHash(model)
  for (const text of inputTexts(input)) hash.add(text)
  return hash.chain
}

export class PrefixIndex {
  readonly #blocks = new Map<number, string[]>() // at most BLOCKS_MAX, least recently used first

  get size(): number {
    return this.#blocks.size
  }

  remember(chain: readonly number[], workerKey: string): void {
    for (const block of chain) {
      const workers = this.#blocks.get(block) ?? []
      this.#blocks.delete(block)
      const others = workers.filter((key) => key !== workerKey)
      this.#blocks.set(block, [workerKey, ...others].slice(0, WORKERS_PER_BLOCK_MAX))
    }
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= BLOCKS_MAX) break
      this.#blocks.delete(oldest)
    }
  }

  /** For each worker that has seen a beginning of the prompt: how many characters of it. */
  lookup(chain: readonly number[]): Map<string, number> {
    const seen = new Map<string, number>()
    for (const [i, block] of chain.entries()) {
      const workers = this.#blocks.get(block)
      if (workers === undefined) break
      for (const key of workers) seen.set(key, (i + 1) * BLOCK_CHARACTERS)
    }
    return seen
  }
}

/** Two lanes of FNV-1a with different seeds, joined to 53 bits; a hash at the end of each block. */
class ChainHash {
  readonly chain: number[] = []
  #low = 0x811c9dc5
  #high = 0x9e3779b9
  #inBlock = 0

  constructor(model: string) {
    this.#mix(model)
  }

  add(text: string): void {
    let at = 0
    while (at < text.length && this.chain.length < BLOCKS_PER_PROMPT_MAX) {
      const part = text.slice(at, at + BLOCK_CHARACTERS - this.#inBlock)
      this.#mix(part)
      at += part.length
      this.#inBlock += part.length
      if (this.#inBlock < BLOCK_CHARACTERS) return
      this.#inBlock = 0
      this.chain.push((this.#high >>> 11) * 2 ** 32 + (this.#low >>> 0))
    }
  }

  #mix(text: string): void {
    let low = this.#low
    let high = this.#high
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      low = Math.imul(low ^ code, 0x01000193)
      high = Math.imul(high ^ code, 0x85ebca6b)
    }
    this.#low = low
    this.#high = high ^ (high >>> 15)
  }
}
