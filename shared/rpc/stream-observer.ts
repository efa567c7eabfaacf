/** Observes each stream that a service serves: its beginning, its first items and its end. */
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
  /** The trace that the handler and its own requests continue; undefined: as it came. */
  readonly traceparent: string | undefined
  /** Called with each item until it returns true: it has seen what it waits for. */
  item(value: unknown): boolean
  ended(outcome: StreamOutcome): void
}

/** Returns null for a stream that it does not observe. */
export type StreamObserver = (facts: ServedStreamFacts) => ObservedStream | null
