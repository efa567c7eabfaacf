/**
 * Embeddings go to any worker that holds the model and can make them: the one with the least to do.
 * They take no slot and wait in no queue, and as nothing is sent before the whole answer is there,
 * one that fails is simply tried on the next worker.
 */
import {
  workerEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/inference/embedding.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Holding } from '../workers/holding.ts'
import type { WorkerTable } from '../workers/worker-table.ts'

const TRIES_MAX = 4

export interface EmbeddingDeps {
  table: WorkerTable
  /** Names that stand for several models, the preferred one first. */
  aliases: ReadonlyMap<string, readonly string[]>
}

export async function embedSomewhere(
  { table, aliases }: EmbeddingDeps,
  request: EmbedRequest,
  context: RequestContext
): Promise<EmbedReply> {
  const model = modelFor(request, table, aliases)
  const able = ableOf(table, model, request.labels)
  if (able.length === 0) throw whyNone([...table.holders(model)], model)
  able.sort((a, b) => a.loadMs - b.loadMs || fill(a) - fill(b) || a.link.rttMs - b.link.rttMs)
  const tries = able.slice(0, TRIES_MAX)
  for (const { link, workerKey } of tries) {
    try {
      const reply = await link.call(workerEmbed, { ...request, model }, context)
      return { ...reply, worker: workerKey }
    } catch (error) {
      const isLast = workerKey === tries.at(-1)?.workerKey
      if (isLast || context.signal.aborted || !mayTryOn(error)) throw asWorkerError(error)
    }
  }
  throw new Error('not reached') // the last try has thrown
}

/** Of an alias the first model that can embed; without a name the one with which most workers can. */
function modelFor(
  { model, labels }: EmbedRequest,
  table: WorkerTable,
  aliases: EmbeddingDeps['aliases']
): string {
  const names =
    model === undefined
      ? [...table.readyModels().keys(), ...table.loadableModels().keys()]
      : (aliases.get(model) ?? [model])
  const count = (name: string) => ableOf(table, name, labels).length
  const anywhere = (name: string) => ableOf(table, name, undefined).length
  if (model !== undefined) return names.find((name) => count(name) > 0) ?? names[0] ?? model
  const [most] = names.toSorted(
    (a, b) => count(b) - count(a) || anywhere(b) - anywhere(a) || a.localeCompare(b)
  )
  if (most !== undefined) return most
  throw new HaifError('NO_ELIGIBLE_WORKER', 'no worker has a model ready', {
    retryAfterMs: RETRY_AFTER_MS
  })
}

const RETRY_AFTER_MS = 2000

const ableOf = (table: WorkerTable, model: string, labels: EmbedRequest['labels']): Holding[] =>
  [...table.holders(model)].filter((holding) => canEmbed(holding, labels))

function canEmbed({ mayServe, model, labels }: Holding, asked: EmbedRequest['labels']): boolean {
  const hasLabels = Object.entries(asked ?? {}).every(([name, value]) => labels[name] === value)
  return mayServe && model.embeddings === true && hasLabels
}

const fill = ({ load, model }: Holding): number => load / Math.max(1, model.slots)

function mayTryOn(error: unknown): boolean {
  const { code, retryable } = toHaifError(error)
  return retryable || code === 'MODEL_NOT_FOUND'
}

function whyNone(holdings: readonly Holding[], model: string): HaifError {
  if (holdings.length === 0) return new HaifError('MODEL_NOT_FOUND', `no worker holds ${model}`)
  const ready = holdings.filter(({ isReady }) => isReady)
  if (ready.length > 0 && ready.every(({ model: held }) => held.embeddings !== true)) {
    const engines = [...new Set(ready.map(({ model: held }) => held.engine))].join(', ')
    return new HaifError(
      'UNSUPPORTED_PARAMETER',
      `the engine that holds ${model} (${engines}) makes no embeddings: choose another model`,
      { details: { param: 'model' } }
    )
  }
  return new HaifError('NO_ELIGIBLE_WORKER', `${model}: no worker has it ready for embeddings`, {
    retryAfterMs: RETRY_AFTER_MS
  })
}

/** To the caller a lost connection to a worker is a lost worker. */
function asWorkerError(error: unknown): HaifError {
  const failure = toHaifError(error)
  if (failure.code !== 'PEER_LOST') return failure
  return new HaifError('WORKER_LOST', 'the worker went away while it made the embeddings', {
    cause: error
  })
}
