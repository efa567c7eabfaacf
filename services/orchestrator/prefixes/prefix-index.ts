/**
 * Remembers which worker has seen which beginning of a prompt, and so probably has it in its KV
 * cache.
 *
 * A prompt is cut into blocks; each block's hash covers everything before it, so prompts that begin
 * alike share their entries. It is a memory of what was sent where, not of what is cached: workers
 * forget by themselves, and a wrong guess costs a prefill, never a wrong answer.
 */
import { inputTexts, type InferenceInput } from '#shared/contracts/inference/request.ts'

export const BLOCK_CHARACTERS = 256
/** Longer prompts are compared by their first 64 Ki characters. */
const BLOCKS_PER_PROMPT_MAX = 256
/** Entries over all prompts, about 10 MB; the least recently used go first. */
const BLOCKS_MAX = 65_536
const WORKERS_PER_BLOCK_MAX = 8

/** The chain of block hashes of a prompt; the last, incomplete block is left out. */
export function prefixChain(model: string, input: InferenceInput): number[] {
  let bytes = 0
  for (const text of inputTexts(input)) {
    bytes += scratch.write(text, bytes, 'utf16le')
    if (bytes >= scratch.length) break
  }
  return hashBlocks(Math.floor(bytes / BLOCK_BYTES), seedOf(model))
}

/**
 * Two generations instead of an exact order of use: what is used goes into the young one, and when
 * that is full, the old one is forgotten and the young one becomes old. An exact order would move
 * every block of every prompt.
 */
export class PrefixIndex {
  #young = new Map<number, string[]>() // at most half of BLOCKS_MAX
  #old = new Map<number, string[]>() // the same

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** Returns how much of the chain ends with the deepest block that was known of this worker. */
  remember(chain: readonly number[], workerKey: string): number {
    let known = 0
    for (let i = 0; i < chain.length; i++) {
      const block = chain[i]!
      const young = this.#young.get(block)
      const workers = young ?? this.#old.get(block) ?? []
      if (moveToFront(workers, workerKey)) known = i + 1
      if (young === undefined) this.#add(block, workers)
    }
    return known
  }

  /**
   * Returns each worker that has seen a beginning of the prompt, with the characters it has seen.
   */
  lookup(chain: readonly number[]): Map<string, number> {
    const seen = new Map<string, number>()
    const found = this.#found(chain)
    // It begins at the deepest block. Most blocks have the same workers as the one after them.
    for (let i = found.length - 1; i >= 0; i--) {
      const workers = found[i]!
      if (i + 1 < found.length && isSame(workers, found[i + 1]!)) continue
      for (const key of workers) {
        if (!seen.has(key)) seen.set(key, (i + 1) * BLOCK_CHARACTERS)
      }
    }
    return seen
  }

  /** The workers of each block, up to the first that none has seen. */
  #found(chain: readonly number[]): string[][] {
    const found: string[][] = []
    for (const block of chain) {
      const workers = this.#young.get(block) ?? this.#old.get(block)
      if (workers === undefined) break
      found.push(workers)
    }
    return found
  }

  #add(block: number, workers: string[]): void {
    if (this.#young.size >= BLOCKS_MAX / 2) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(block, workers)
  }
}

/** Returns whether the key was among them. */
function moveToFront(keys: string[], key: string): boolean {
  if (keys[0] === key) return true
  let at = keys.indexOf(key)
  const wasThere = at >= 0
  if (!wasThere) at = keys.length < WORKERS_PER_BLOCK_MAX ? keys.length : keys.length - 1
  for (; at > 0; at--) keys[at] = keys[at - 1]!
  keys[0] = key
  return wasThere
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((key, i) => key === other[i])

/** A block's bytes in UTF-16, JavaScript's own encoding: four bytes are two characters. */
const BLOCK_BYTES = 2 * BLOCK_CHARACTERS
const BLOCK_WORDS = BLOCK_BYTES / 4
/** Holds one prompt at a time: nothing is awaited while it is used. */
const scratch = Buffer.alloc(BLOCKS_PER_PROMPT_MAX * BLOCK_BYTES)
const words = new Int32Array(scratch.buffer, scratch.byteOffset, scratch.length / 4)

const FNV_PRIME = 0x01000193
const OTHER_PRIME = 0x85ebca6b

/**
 * Two lanes of FNV-1a, which take turns with the words, each 32 bits at a time; they are mixed at
 * the end of each block and give 53 bits. Four times as fast as character by character.
 */
function hashBlocks(blocks: number, seed: number): number[] {
  const chain: number[] = []
  let low = 0x811c9dc5 ^ seed
  let high = 0x9e3779b9 ^ seed
  for (let block = 0, at = 0; block < blocks; block++) {
    for (const end = at + BLOCK_WORDS; at < end; at += 2) {
      low = Math.imul(low ^ words[at]!, FNV_PRIME)
      high = Math.imul(high ^ words[at + 1]!, OTHER_PRIME)
    }
    low = Math.imul(low ^ (high >>> 15), OTHER_PRIME)
    high = Math.imul(high ^ (low >>> 13), FNV_PRIME)
    chain.push((high >>> 11) * 2 ** 32 + (low >>> 0))
  }
  return chain
}

function seedOf(model: string): number {
  let seed = 0
  for (let i = 0; i < model.length; i++) {
    seed = Math.imul(seed ^ model.charCodeAt(i), FNV_PRIME)
  }
  return seed
}
