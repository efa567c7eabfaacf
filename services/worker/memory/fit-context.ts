/**
 * Finds the largest context that the machine can hold. A context takes memory for slots × tokens,
 * all of it reserved and touched at once, and llama.cpp does not refuse: asking for too much gets
 * the process killed.
 */
export interface MemoryPool {
  freeBytes: number
  /** Needed by a context of any size. */
  fixedBytes: number
  /** Needed by one token of one slot. */
  bytesPerToken: number
}

interface ContextWish {
  slots: number
  contextTokens: number
  /** Pools that must all hold their part: RAM, and VRAM where there is a GPU. */
  pools: readonly MemoryPool[]
}

export interface ContextSize {
  slots: number
  contextTokens: number
}

/**
 * Slots are halved before contexts are: fewer streams at once is slower, a shorter context refuses
 * prompts. Null: not even one slot of the smallest context fits.
 */
export function fitContext(wish: ContextWish): ContextSize | null {
  for (let { contextTokens } = wish; ; contextTokens = Math.floor(contextTokens / 2)) {
    const least = contextTokens > COMFORTABLE_TOKENS ? Math.min(COMFORTABLE_SLOTS, wish.slots) : 1
    for (let { slots } = wish; slots >= least; slots = Math.floor(slots / 2)) {
      if (wish.pools.every((pool) => fits(pool, slots, contextTokens))) {
        return { slots, contextTokens }
      }
    }
    if (contextTokens <= SMALLEST_TOKENS) return null
  }
}

/** Above this a context is shortened before fewer than 4 slots are offered. */
const COMFORTABLE_TOKENS = 2048
const COMFORTABLE_SLOTS = 4
const SMALLEST_TOKENS = 512

function fits(pool: MemoryPool, slots: number, contextTokens: number): boolean {
  return pool.fixedBytes + pool.bytesPerToken * slots * contextTokens <= pool.freeBytes
}
