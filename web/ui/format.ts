/** Writes numbers for people. */
const SECOND_MS = 1000
const MINUTE_MS = 60_000

export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(ms < 10_000 ? 1 : 0)} s`
  return `${Math.round(ms / MINUTE_MS)} min`
}

export const rate = (tokensPerSecond: number): string =>
  Number.isFinite(tokensPerSecond)
    ? `${tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0)} tokens/s`
    : ''

/** The short form of a key, as in `haif status`. */
export const shortKey = (key: string): string => key.slice(0, 8)
