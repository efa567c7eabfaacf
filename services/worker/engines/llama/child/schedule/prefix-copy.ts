/**
 * Copies what a slot's cache holds to another slot, so that a prefix whose own slot is busy, or too
 * good to be given up, need not be computed again. The library does it for itself (its token
 * predictors) and has no public name for it; where a version has it no more, nothing is copied.
 */
import type { LlamaContextSequence } from 'node-llama-cpp'

/** Resolves to whether the target now holds so many of the source's tokens, and no others. */
export type CopyPrefix<Sequence> = (
  target: Sequence,
  source: Sequence,
  tokens: number
) => Promise<boolean>

type Copy = (source: LlamaContextSequence, tokens: number) => Promise<boolean | undefined>
/** Its name in the library, which is none of its interface. */
const COPY = '_copyStateFromOtherSequence'

export const copyPrefix: CopyPrefix<LlamaContextSequence> = async (target, source, tokens) => {
  // A state that cannot be cut back would bring along what follows the prefix.
  if (source.needsCheckpoints) return false
  const copy = (target as unknown as Record<string, Copy | undefined>)[COPY]
  if (typeof copy !== 'function') return false
  if (await copy.call(target, source, tokens)) return true
  await target.clearHistory()
  return false
}

export interface Holder {
  index: number
  /** Tokens at the start of the prompt that its cache holds. */
  sharedTokens: number
}

/**
 * The slot to copy from; null: what the chosen one has is as good. A copy moves the memory of a whole
 * slot, as much as computing some dozens of tokens takes.
 */
export function chooseSource(chosen: Holder, others: readonly Holder[]): Holder | null {
  const best = others.reduce<Holder | null>(
    (most, each) => (most === null || each.sharedTokens > most.sharedTokens ? each : most),
    null
  )
  if (best === null || best.sharedTokens - chosen.sharedTokens < COPY_TOKENS_MIN) return null
  return best
}

export const COPY_TOKENS_MIN = 64
