/** Told of each stream that a service serves: when it begins, speaks first, and ends. Nothing per item. */
import type { PeerIdentity } from './peer-identity.ts'

export interface ServedStreamFacts {
  method: string
  request: unknown
  requestId: string
  traceparent: string | undefined
  peer: PeerIdentity
}

export type StreamOutcome = { end: unknown } | { error: unknown }

export interface ObservedStream {
  /** The trace as the handler and whoever it asks shall continue it; undefined: as it came. */
  readonly traceparent: string | undefined
  /** Called with each item until it returns true: it has seen what it waits for. */
  item(value: unknown): boolean
  ended(outcome: StreamOutcome): void
}

/** Null: this one is of no interest. */
export type StreamObserver = (facts: ServedStreamFacts) => ObservedStream | null
