/**
 * Finds the context that the machine can hold: the tokens that prompt and answer have together, and
 * the slots, which are the answers at a time. A context takes memory for slots × tokens, all of it
 * reserved and touched at once, and llama.cpp does not refuse: asking for too much gets the process
 * killed.
 *
 * The rule, where the owner says nothing:
 *
 * 1. The context is as long as the model was trained for, if the memory holds it. Beyond 40,960
 *    tokens (a prompt of 32k and its answer) it must leave room for 4 answers at a time within the
 *    modest part of the memory; else the next shorter one is tried.
 * 2. Up to 40,960 tokens, slots are given up before the context is: one is enough.
 * 3. More slots are added while they fit into the modest part of the memory.
 *
 * A context or slots that the owner asked for are given as asked while one slot fits.
 */
export interface MemoryPool {
  freeBytes: number
  /** The part of it that is taken without having been asked for. */
  modestBytes: number
  /** Needed by a context of any size. */
  fixedBytes: number
  /** Needed by one token of the context, however many slots there are: buffers of a step. */
  bytesPerToken: number
  /** Needed by one token of one slot: keys and values of all layers. */
  bytesPerSlotToken: number
}

export interface ContextWish {
  /** The tokens that the model was trained on. */
  trainedTokens: number
  /** The most slots without having been asked for. */
  slotsMost: number
  /** Other models share this memory, so nothing beyond the modest part is taken for more slots. */
  shared?: boolean
  /** As the owner asked. */
  slots?: number | undefined
  contextTokens?: number | undefined
}

export interface ContextSize {
  slots: number
  contextTokens: number
}

/** Longer contexts are offered only where 4 answers at a time have them. */
const LONG_TOKENS = 40_960
const COMFORTABLE_SLOTS = 4
export const SMALLEST_TOKENS = 512

/**
 * `pools` must all hold their part: RAM, and VRAM where there is a GPU. Null: not even one slot of
 * the context that was asked for fits, or of the smallest one.
 */
export function fitContext(wish: ContextWish, pools: readonly MemoryPool[]): ContextSize | null {
  if (wish.contextTokens !== undefined) {
    return sizeAt(wish, Math.min(wish.contextTokens, wish.trainedTokens), pools)
  }
  for (const contextTokens of contextsUpTo(wish.trainedTokens)) {
    const size = sizeAt(wish, contextTokens, pools)
    if (size !== null && size.slots >= leastSlots(wish, contextTokens)) return size
  }
  // Fewer slots than were asked for fit, even into the smallest context: as many as do.
  return sizeAt(wish, Math.min(SMALLEST_TOKENS, wish.trainedTokens), pools)
}

/** The longest first: what it was trained for, then powers of two, and the bound between them. */
function contextsUpTo(trainedTokens: number): number[] {
  const shorter = [LONG_TOKENS]
  for (let next = SMALLEST_TOKENS; next < trainedTokens; next *= 2) shorter.push(next)
  return [trainedTokens, ...shorter.filter((tokens) => tokens < trainedTokens).toSorted(descending)]
}

const descending = (a: number, b: number): number => b - a

function leastSlots({ slots, slotsMost }: ContextWish, contextTokens: number): number {
  if (slots !== undefined) return slots
  return contextTokens > LONG_TOKENS ? Math.min(COMFORTABLE_SLOTS, slotsMost) : 1
}

function sizeAt(
  wish: ContextWish,
  contextTokens: number,
  pools: readonly MemoryPool[]
): ContextSize | null {
  const most = slotsWithin(pools, contextTokens, ({ freeBytes }) => freeBytes)
  if (most < 1) return null
  if (wish.slots !== undefined) return { contextTokens, slots: Math.min(wish.slots, most) }
  const modest = slotsWithin(pools, contextTokens, ({ modestBytes }) => modestBytes)
  const isLong = contextTokens > LONG_TOKENS && wish.contextTokens === undefined
  const least = wish.shared === true || isLong ? 1 : COMFORTABLE_SLOTS
  const slots = Math.min(wish.slotsMost, Math.max(modest, Math.min(least, most)))
  return { contextTokens, slots }
}

function slotsWithin(
  pools: readonly MemoryPool[],
  contextTokens: number,
  bytesOf: (pool: MemoryPool) => number
): number {
  const each = pools.map((pool) => {
    const left = bytesOf(pool) - pool.fixedBytes - pool.bytesPerToken * contextTokens
    if (left < 0) return 0
    return pool.bytesPerSlotToken === 0
      ? Infinity
      : Math.floor(left / (pool.bytesPerSlotToken * contextTokens))
  })
  return Math.min(...each)
}

/** The bytes of a pool that a context takes. */
export function bytesTaken(pool: MemoryPool, { slots, contextTokens }: ContextSize): number {
  const perToken = pool.bytesPerToken + pool.bytesPerSlotToken * slots
  return Math.ceil(pool.fixedBytes + perToken * contextTokens)
}
