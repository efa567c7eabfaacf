/**
 * The context of a request, which goes with it from hop to hop: its id, its trace, the time it has
 * left, and the signal that nobody wants it any more. On the wire it is the envelope beside the
 * payload of every call and stream.
 */
import { randomUUID } from 'node:crypto'
import { Type, type Static } from 'typebox'
import { HaifError } from '#shared/errors.ts'
import { AbortSource } from './abort-source.ts'
import type { Parties } from './parties.ts'

/** Node's timers cannot count further than this (about 24 days). */
const TIMER_MS_MAX = 2 ** 31 - 1
const CREDENTIAL_CHARACTERS_MAX = 512

/** The credential of a caller. It goes to the next hop only, which never passes it on. */
export const Presented = Type.Object({
  /** A token; a secret. Absent: the caller has none. */
  token: Type.Optional(Type.String({ minLength: 1, maxLength: CREDENTIAL_CHARACTERS_MAX })),
  /**
   * The request came from beyond the machine of the bridge: without a token it is to be refused.
   */
  fromBeyond: Type.Optional(Type.Boolean())
})
export type Presented = Static<typeof Presented>

export const Envelope = Type.Object({
  requestId: Type.String({ minLength: 1, maxLength: 64 }),
  /** W3C trace context, https://www.w3.org/TR/trace-context/ */
  traceparent: Type.Optional(Type.String({ maxLength: 64 })),
  /** Time that the request has left. A span and not an instant, because clocks differ. */
  deadlineMs: Type.Integer({ minimum: 0, maximum: TIMER_MS_MAX }),
  presented: Type.Optional(Presented)
})
export type Envelope = Static<typeof Envelope>

export interface RequestContext {
  readonly requestId: string
  readonly traceparent: string | undefined
  /** Aborted when the deadline passes, when the caller cancels, or when it goes away. */
  readonly signal: AbortSignal
  /**
   * Calls `listener` on abort until the returned function is called; cheaper than an event
   * listener.
   */
  onAbort(listener: () => void): () => void
  /** The credential for the next hop. The one of the hop before is in `ServerContext`. */
  readonly shows?: Presented | undefined
  /** Milliseconds left, never below 0. */
  remainingMs(): number
}

/** A context with a timer of its own; whoever makes one disposes of it. */
export interface OwnedContext extends RequestContext, Disposable {
  abort(reason: Error): void
}

interface ContextOptions {
  requestId?: string
  traceparent?: string | undefined
  timeoutMs: number
  shows?: Presented | undefined
  now?: () => number
}

export function createContext(options: ContextOptions): OwnedContext {
  const now = options.now ?? (() => performance.now())
  const timeoutMs = Math.min(Math.max(0, options.timeoutMs), TIMER_MS_MAX)
  const deadlineAt = now() + timeoutMs
  const source = new AbortSource()
  const timer = setTimeout(() => source.abort(deadlineExceeded()), timeoutMs)
  return {
    requestId: options.requestId ?? randomUUID(),
    traceparent: options.traceparent,
    shows: options.shows,
    signal: source.signal,
    onAbort: (listener) => source.listen(listener),
    remainingMs: () => Math.max(0, Math.floor(deadlineAt - now())),
    abort(reason) {
      clearTimeout(timer)
      source.abort(reason)
    },
    [Symbol.dispose]: () => clearTimeout(timer)
  }
}

/**
 * The same request with an end of its own: it can be aborted without aborting its parent. It may
 * also have a place of its own in the trace.
 */
export function childContext(
  parent: RequestContext,
  traceparent = parent.traceparent
): OwnedContext {
  const source = new AbortSource()
  const abort = () => source.abort(parent.signal.reason as Error)
  if (parent.signal.aborted) abort()
  const leaveParent = parent.onAbort(abort)
  return {
    requestId: parent.requestId,
    traceparent,
    shows: parent.shows,
    signal: source.signal,
    onAbort: (listener) => source.listen(listener),
    remainingMs: () => parent.remainingMs(),
    abort: (reason) => source.abort(reason),
    [Symbol.dispose]: leaveParent
  }
}

export function toEnvelope(context: RequestContext, { withCredential }: Parties): Envelope {
  const { requestId, traceparent, shows } = context
  const envelope: Envelope = { requestId, deadlineMs: context.remainingMs() }
  if (traceparent !== undefined) envelope.traceparent = traceparent
  if (shows !== undefined && withCredential === true) envelope.presented = shows
  return envelope
}

export function fromEnvelope(envelope: Envelope): OwnedContext {
  const { requestId, traceparent, deadlineMs } = envelope
  return createContext({ requestId, traceparent, timeoutMs: deadlineMs })
}

export function deadlineExceeded(): HaifError {
  return new HaifError('DEADLINE_EXCEEDED', 'the request took longer than it was given')
}
