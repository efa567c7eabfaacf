/**
 * Chooses the slot whose cache is copied, so that a prefix whose own slot is busy, or too good to
 * be given up, need not be computed again.
 */
interface Holder {
  index: number
  /** The tokens at the start of the prompt that its cache holds. */
  sharedTokens: number
}

/**
 * Returns null when the chosen slot holds nearly as much. A copy moves the memory of a whole slot,
 * which costs as much as computing some dozens of tokens.
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
