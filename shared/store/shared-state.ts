/**
 * State that gateways and orchestrators share while they run, and that may be lost: counts behind
 * limits, requests running, events, hints. In Redis, or in the memory of each process.
 */
import type { Service } from '#shared/process/lifecycle.ts'

/** What one request wants of one limit. */
export interface Draw {
  /** What is counted: the same in every process. Of a `calendar` limit it names the period, too. */
  key: string
  amount: number
  max: number
  /**
   * `sliding`: in no span of `windowMs` more than `max` is granted. `calendar`: the count begins anew
   * when the period ends, in `windowMs` from now.
   */
  kind: 'sliding' | 'calendar'
  windowMs: number
}

export interface LimitState {
  /** Of `max`, with this draw where it was granted. */
  used: number
  /** Until all of it can be had again, in milliseconds. */
  resetMs: number
}

export interface Grant {
  granted: true
  /** In the order of the draws. */
  states: LimitState[]
  /** When, by the clock of whoever counts: for `settle`. */
  at: number
}

export interface Refusal {
  granted: false
  /** Index of the draw that does not fit; the one that must wait longest. */
  refusedBy: number
  /** Until it fits, in milliseconds; null when it is over `max` by itself. */
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
  /** Whether other processes see it now. */
  readonly isShared: boolean
  /** How many processes share a limit, as far as is known; at least 1. */
  readonly replicas: number
  /** Takes from all limits, or from none. */
  draw(draws: readonly Draw[]): Promise<Grant | Refusal>
  /** Corrects what was drawn `at` that time by `difference`, when the true amount is known. */
  settle(draw: Draw, difference: number, at: number): void
  /** One of `max` places under the key; null when all are taken. Given back by itself if we die. */
  enter(key: string, max: number): Promise<ConcurrencyPlace | null>
  /** To every subscriber of the channel in every process, this one included; at most once. */
  publish(channel: string, message: string): void
  subscribe(channel: string, subscriber: Subscriber): Promise<() => void>
}
