/** The wait before the next try: it doubles with each failure, with jitter, up to a bound. */
export interface Backoff {
  firstMs: number
  maxMs: number
}

/**
 * `failures` counts from 1; `random` is in [0, 1). Returns between half and the whole of the step.
 */
export function backoffMs({ firstMs, maxMs }: Backoff, failures: number, random: number): number {
  const step = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30))
  return step / 2 + (step / 2) * random
}
