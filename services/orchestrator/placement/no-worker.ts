/** Errors for a request that no worker may serve. */
import { HaifError } from '#shared/errors.ts'
import { modelNotFound } from '#shared/inference/model-not-found.ts'
import { whyNoneReady } from '../workers/not-ready.ts'
import type { WorkerTable } from '../workers/worker-table.ts'

/** When to ask again for a worker that is not there; nobody knows when one comes. */
const RETRY_AFTER_MS = 2000

/** `reason` says why the workers that hold the model may not serve the request. */
export function notEligible(table: WorkerTable, model: string, reason: string): HaifError {
  if (table.size === 0) return noWorker('no worker is up')
  if (table.holders(model).size > 0) return noWorker(`${model}: ${reason}`)
  return modelNotFound(model, [...table.modelNames()])
}

/** The error for a request that names no model. */
export const noneReady = (table: WorkerTable): HaifError => noWorker(whyNoneReady(table))

const noWorker = (message: string): HaifError =>
  new HaifError('NO_ELIGIBLE_WORKER', message, { retryAfterMs: RETRY_AFTER_MS })
