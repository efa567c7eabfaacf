/**
 * How long to wait before a process that died is started again. The first time at once, as most
 * deaths are accidents; one that keeps dying must not keep the machine busy.
 */
export interface RestartPolicy {
  firstMs: number
  longestMs: number
  /** A process that lived so long was well: the next death counts as the first. */
  healthyAfterMs: number
}

export const RESTART_POLICY: RestartPolicy = {
  firstMs: 100,
  longestMs: 30_000,
  healthyAfterMs: 60_000
}

/** What a caller is told to wait for the start itself. */
export const RESTART_RETRY_MS = 1_000

/** Deaths in a row, this one included. */
export function countDeath(before: number, livedMs: number, policy: RestartPolicy): number {
  return livedMs >= policy.healthyAfterMs ? 1 : before + 1
}

export function restartDelayMs(deaths: number, policy: RestartPolicy): number {
  return Math.min(policy.longestMs, policy.firstMs * 2 ** Math.min(deaths - 1, 30))
}
