/**
 * A request and its attempts: one worker after the other, until one has begun to answer. What has
 * begun ends with its worker; what has not is tried elsewhere, never twice on the same worker.
 */
import { HaifError, toHaifError } from '#shared/errors.ts'
import {
  workerInfer,
  type InferenceEnd,
  type InferenceItem,
  type InferenceRequest
} from '#shared/contracts/inference.ts'
import type { Logger } from '#shared/log.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { defaultModel, placeAttempt } from './placement.ts'
import type { WorkerTable } from './worker-table.ts'

const ATTEMPTS_MAX = 4

export interface AttemptsDeps {
  table: WorkerTable
  log: Logger
  now(): number
}

export async function* runAttempts(
  deps: AttemptsDeps,
  request: InferenceRequest,
  context: RequestContext
): AsyncGenerator<InferenceItem, InferenceEnd, void> {
  const { table, log, now } = deps
  const model = request.model ?? defaultModel(table.views())
  if (model === null) throw refused('NO_ELIGIBLE_WORKER', 'no worker has a model ready')
  const tried = new Set<string>()
  let failure: HaifError | null = null
  while (tried.size < ATTEMPTS_MAX) {
    const placement = placeAttempt(table.views(), { model, exclude: tried })
    if (placement.kind === 'refused') {
      throw failure ?? refused(placement.code, placement.reason)
    }
    const { workerKey } = placement
    const link = table.link(workerKey)
    tried.add(workerKey)
    if (link === undefined) continue
    const done = table.place(workerKey, model, now())
    const stream = link.stream(workerInfer, { ...request, model }, context)
    let begun = false
    try {
      const first = await stream.next()
      begun = true
      if (first.done === true) return served(first.value, tried)
      yield first.value
      return served(yield* stream, tried)
    } catch (error) {
      failure = asWorkerError(error)
      if (begun || !failure.retryable) throw failure
      const { requestId } = context
      log.info({ requestId, worker: workerKey, code: failure.code }, 'attempt failed, trying on')
    } finally {
      await stream.return(undefined as never) // the caller may have left
      done()
    }
  }
  throw failure ?? refused('NO_ELIGIBLE_WORKER', 'no worker could take the request')
}

function served(end: InferenceEnd, tried: Set<string>): InferenceEnd {
  return { ...end, attempts: tried.size, workers: [...tried] }
}

function refused(code: 'MODEL_NOT_FOUND' | 'NO_ELIGIBLE_WORKER', reason: string): HaifError {
  return new HaifError(code, reason, code === 'NO_ELIGIBLE_WORKER' ? { retryAfterMs: 2000 } : {})
}

/** To the caller a lost connection to a worker is a lost worker. */
function asWorkerError(error: unknown): HaifError {
  const failure = toHaifError(error)
  if (failure.code !== 'PEER_LOST') return failure
  return new HaifError('WORKER_LOST', 'the worker went away while it served the request', {
    cause: error
  })
}
