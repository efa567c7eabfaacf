/**
 * The delay before a process that died is restarted. The first restart comes at once, as most
 * deaths are accidents; a process that keeps dying must not keep the machine busy.
 */
export interface RestartPolicy {
  firstMs: number
  longestMs: number
  /** After a life as long as this the next death counts as the first. */
  healthyAfterMs: number
}

export const RESTART_POLICY: RestartPolicy = {
  firstMs: 100,
  longestMs: 30_000,
  healthyAfterMs: 60_000
}

/** The time that callers should wait for the start itself. */
export const RESTART_RETRY_MS = 1_000

/** Counts the deaths in a row, this one included. */
export function countDeath(before: number, livedMs: number, policy: RestartPolicy): number {
  return livedMs >= policy.healthyAfterMs ? 1 : before + 1
}

export function restartDelayMs(deaths: number, policy: RestartPolicy): number {
  return Math.min(policy.longestMs, policy.firstMs * 2 ** Math.min(deaths - 1, 30))
}
