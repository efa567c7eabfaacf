/** How a worker's failure counts: against the worker, for another try, and for the caller. */
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import type { Fault } from '../workers/reputation.ts'

/** Failures that the worker is not to blame for: its breaker does not count them. */
const NO_FAULT: ReadonlySet<ErrorCode> = new Set([
  'WORKER_OVERLOADED',
  'STREAM_LIMIT',
  'MODEL_LOAD_FAILED', // the worker reports it as failed, which keeps requests away
  'SHUTTING_DOWN',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'VALIDATION_FAILED',
  'UNSUPPORTED_PARAMETER',
  'CONTEXT_TOO_LONG'
])

/** Null where the worker is not to blame. */
export function faultOf({ code }: HaifError): Fault | null {
  if (NO_FAULT.has(code)) return null
  return code === 'WORKER_FAULTY' ? 'lied' : 'brokeOff'
}

/** A worker that holds another file, or has another engine, may take what this one refuses. */
export const mayTakeElsewhere = ({ code }: HaifError): boolean => OF_ITS_KIND.has(code)

const OF_ITS_KIND: ReadonlySet<ErrorCode> = new Set([
  'UNSUPPORTED_PARAMETER',
  'CONTEXT_TOO_LONG',
  'VALIDATION_FAILED'
])

/** Another worker may do better, also when this one answers that it no longer holds the model. */
export const mayTryOn = ({ retryable, code }: HaifError): boolean =>
  retryable || code === 'MODEL_NOT_FOUND'

/**
 * For the caller a worker that stops, or whose connection breaks, is lost. Passed on as they are,
 * PEER_LOST and SHUTTING_DOWN would say that this orchestrator is.
 */
export function asWorkerError(failure: HaifError): HaifError {
  if (failure.code !== 'PEER_LOST' && failure.code !== 'SHUTTING_DOWN') return failure
  return new HaifError('WORKER_LOST', 'the worker went away while it served the request', {
    cause: failure
  })
}
