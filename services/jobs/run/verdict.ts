/** What becomes of a task whose attempt has failed. */
import { backoffMs } from '#shared/kit/backoff.ts'
import { toHaifError, type ErrorCode } from '#shared/errors.ts'
import type { TaskRow } from '../store/rows.ts'

/**
 * `final`: another attempt would end the same way. `later`: nobody can take it at the moment, which
 * is no attempt. `retry`: it counts, and may be tried again. `lost`: the peer between this service
 * and the worker has gone, for which the task is not to blame, unless it happens again and again.
 */
type Verdict = 'final' | 'later' | 'lost' | 'retry'

const FINAL: ReadonlySet<ErrorCode> = new Set([
  'VALIDATION_FAILED',
  'UNSUPPORTED_PARAMETER',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'TOOL_FAILED',
  'FUNCTION_FAILED',
  'CONFLICT',
  'BODY_TOO_LARGE',
  'CONTEXT_TOO_LONG',
  'UNSUPPORTED_MEDIA_TYPE',
  'PROTOCOL_MISMATCH'
])
const LATER: ReadonlySet<ErrorCode> = new Set([
  'NO_ELIGIBLE_WORKER',
  'WORKER_OVERLOADED',
  'MODEL_NOT_FOUND',
  'RATE_LIMITED',
  'BUDGET_EXHAUSTED',
  'NO_PEER',
  'STREAM_LIMIT',
  'STORE_UNAVAILABLE',
  'SHUTTING_DOWN'
])

export function verdictOf(error: unknown): Verdict {
  const { code } = toHaifError(error)
  if (FINAL.has(code)) return 'final'
  if (code === 'PEER_LOST') return 'lost'
  return LATER.has(code) ? 'later' : 'retry'
}

const RETRY = { firstMs: 1000, maxMs: 60_000 }
/** Owners that a task may lose: one that ends its service each time is poison like any other. */
const LOSSES_MAX = 20

type Failing = Pick<TaskRow, 'failures' | 'losses' | 'attempts_max'>

interface Fate {
  dead: boolean
  delayMs: number
}

/** `random` is in [0, 1). */
export function afterFailure(
  { failures, attempts_max }: Failing,
  verdict: 'final' | 'retry',
  random: number
): Fate {
  const dead = verdict === 'final' || failures + 1 >= attempts_max
  return { dead, delayMs: dead ? 0 : backoffMs(RETRY, failures + 1, random) }
}

/** The lease ran out, or a peer on the way was lost. */
export function afterLoss({ losses }: Failing, random: number): Fate {
  if (losses === 0) return { dead: false, delayMs: 0 }
  return { dead: losses + 1 >= LOSSES_MAX, delayMs: backoffMs(RETRY, losses, random) }
}
