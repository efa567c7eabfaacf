/** Errors in the words of an engine. */
import { HaifError } from '#shared/errors.ts'

/** Refuses, by its name, a parameter that the engine or its model cannot honour. */
export function unsupported(param: string, message: string): HaifError {
  return new HaifError('UNSUPPORTED_PARAMETER', message, { details: { param } })
}

/** Refuses a request for which there is neither a slot nor room to wait for one. */
export function overloaded(slots: number, waiting: number): HaifError {
  return new HaifError(
    'WORKER_OVERLOADED',
    `all ${slots} slots are taken and ${waiting} requests wait: try again later`,
    { retryAfterMs: OVERLOADED_RETRY_MS }
  )
}

const OVERLOADED_RETRY_MS = 1_000
