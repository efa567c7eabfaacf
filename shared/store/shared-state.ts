/**
 * State that gateways and orchestrators share while they run, and that may be lost: counts behind
 * limits, requests running, events, hints. In Redis, or in the memory of each process.
 */
import type { Service } from '#shared/process/lifecycle.ts'

/** One request's claim on one limit. */
export interface Draw {
  /**
   * Names the count, in every process alike. The key of a `calendar` limit also names the period.
   */
  key: string
  amount: number
  max: number
  /**
   * `sliding`: in no span of `windowMs` more than `max` is granted. `calendar`: the count begins
   * anew when the period ends, in `windowMs` from now.
   */
  kind: 'sliding' | 'calendar'
  windowMs: number
}

export interface LimitState {
  /** The used part of `max`, with this draw where it was granted. */
  used: number
  /** Milliseconds until all of it is available again. */
  resetMs: number
}

export interface Grant {
  granted: true
  /** One state for each draw, in the same order. */
  states: LimitState[]
  /** The time of the grant by the clock of whoever counts; `settle` takes it. */
  at: number
}

export interface Refusal {
  granted: false
  /** Index of the draw that does not fit; the one that must wait longest. */
  refusedBy: number
  /** Milliseconds until the draw fits; null when it is over `max` by itself. */
  retryAfterMs: number | null
  states: LimitState[]
}

/** A place among those that run at the same time. Never rejects; more than once is harmless. */
export interface ConcurrencyPlace {
  leave(): void
}

export interface Subscriber {
  onMessage: (message: string) => void
  /** Messages may have been missed: the connection was away. */
  onReconnect?: () => void
}

/**
 * No method rejects because Redis is away: limits are then kept by each process for its share, and
 * events reach those who listen in the same process or, where there is one, through the store.
 */
export interface SharedState extends Service {
  /** True while other processes see the same state. */
  readonly isShared: boolean
  /** The number of processes that share a limit, as far as is known; at least 1. */
  readonly replicas: number
  /** Takes from all limits, or from none. */
  draw(draws: readonly Draw[]): Promise<Grant | Refusal>
  /** Corrects what was drawn `at` that time by `difference`, when the true amount is known. */
  settle(draw: Draw, difference: number, at: number): void
  /** One of `max` places under the key; null when all are taken. Given back by itself if we die. */
  enter(key: string, max: number): Promise<ConcurrencyPlace | null>
  /** Sends to every subscriber of the channel in every process, this one included; at most once. */
  publish(channel: string, message: string): void
  subscribe(channel: string, subscriber: Subscriber): Promise<() => void>
}
