/**
 * A circuit breaker for one model on one worker: after repeated failures it takes no attempts for a
 * while, then one on trial, and closes when that one succeeds. States and `now` go in, a state
 * comes out.
 *
 *   closed --failures--> open --time--> trial --success--> closed
 *                          ^------------- failure ---'
 *
 * A trial that ends undecided, because its caller left, say, is followed by another one at once.
 */
export type Breaker =
  | { kind: 'closed'; failures: number }
  | { kind: 'open'; until: number; openMs: number }
  | { kind: 'trial'; openMs: number }

/** Failures in a row. */
const FAILURES_TO_OPEN = 3
const OPEN_MS_FIRST = 1000
const OPEN_MS_MAX = 30_000

export const CLOSED: Breaker = { kind: 'closed', failures: 0 }

export function mayAttempt(breaker: Breaker, now: number): boolean {
  switch (breaker.kind) {
    case 'closed':
      return true
    case 'open':
      return now >= breaker.until
    case 'trial':
      return false // one at a time
  }
}

export function onAttempt(breaker: Breaker): Breaker {
  return breaker.kind === 'open' ? { kind: 'trial', openMs: breaker.openMs } : breaker
}

export const onSuccess = (): Breaker => CLOSED

export function onFailure(breaker: Breaker, now: number): Breaker {
  switch (breaker.kind) {
    case 'closed': {
      const failures = breaker.failures + 1
      return failures < FAILURES_TO_OPEN ? { kind: 'closed', failures } : open(OPEN_MS_FIRST, now)
    }
    case 'open':
      return breaker // the attempt began before it opened
    case 'trial':
      return open(Math.min(OPEN_MS_MAX, breaker.openMs * 2), now)
  }
}

/** The attempt on trial has shown neither that the worker fails nor that it answers. */
export function onUndecided(breaker: Breaker, now: number): Breaker {
  return breaker.kind === 'trial' ? { kind: 'open', until: now, openMs: breaker.openMs } : breaker
}

const open = (openMs: number, now: number): Breaker => ({
  kind: 'open',
  until: now + openMs,
  openMs
})
