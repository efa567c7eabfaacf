/**
 * Copies what a slot's cache holds to another slot, so that a prefix whose own slot is busy, or too
 * good to be given up, need not be computed again. The library does it for itself (its token
 * predictors) and has no public name for it; where a version has it no more, nothing is copied.
 */
import type { LlamaContextSequence } from 'node-llama-cpp'

/** Resolves to true when the target then holds exactly the source's first `tokens` tokens. */
export type CopyPrefix<Sequence> = (
  target: Sequence,
  source: Sequence,
  tokens: number
) => Promise<boolean>

type Copy = (source: LlamaContextSequence, tokens: number) => Promise<boolean | undefined>
/** The method's name in the library, which is not part of its interface. */
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

interface Holder {
  index: number
  /** The tokens at the start of the prompt that its cache holds. */
  sharedTokens: number
}

/**
 * Chooses the slot to copy from, or null when the chosen slot holds nearly as much. A copy moves
 * the memory of a whole slot, which costs as much as computing some dozens of tokens.
 */
export function chooseSource(chosen: Holder, others: readonly Holder[]): Holder | null {
  const best = others.reduce<Holder | null>(
    (most, each) => (most === null || each.sharedTokens > most.sharedTokens ? each : most),
    null
  )
  if (best === null || best.sharedTokens - chosen.sharedTokens < COPY_TOKENS_MIN) return null
  return best
}

const COPY_TOKENS_MIN = 64
