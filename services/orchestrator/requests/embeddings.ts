/**
 * Embeddings go to any worker that may serve them: the one with the least to do. They take no slot
 * and wait in no queue, and as nothing is sent before the whole answer is there, a request that
 * fails is simply tried on the next worker.
 */
import {
  workerEmbed,
  type EmbedAsked,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/inference/embedding.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { embeddingLie } from '#shared/inference/checked-usage.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { noneReady, notEligible } from '../placement/no-worker.ts'
import { fill, ineligibility, type Constraints } from '../placement/placement.ts'
import type { Holding, Outcome } from '../workers/holding.ts'
import type { WorkerTable } from '../workers/worker-table.ts'
import type { ModelAliases } from './model-aliases.ts'
import { asWorkerError, faultOf, mayTakeElsewhere, mayTryOn } from './worker-error.ts'
import { wayMsOf, type Way } from '../placement/way-cost.ts'

const TRIES_MAX = 4

interface EmbeddingDeps {
  table: WorkerTable
  aliases: ModelAliases
  now: () => number
  /** Called when an end may have closed a breaker, for the requests that wait. */
  pump: (model: string) => void
}

export async function embedSomewhere(
  deps: EmbeddingDeps,
  { asked }: EmbedRequest,
  context: RequestContext
): Promise<EmbedReply> {
  const model = modelFor(asked, deps)
  const failed = new Set<Holding>() // at most TRIES_MAX
  const unlike: Holding['model'][] = [] // at most TRIES_MAX
  const constraints = { exclude: failed, unlike, labels: asked.labels, workers: asked.workers }
  let failure: HaifError | null = null
  while (failed.size < TRIES_MAX) {
    const remainingMs = context.remainingMs()
    const holding = chooseEmbedder(deps, model, { ...constraints, remainingMs })
    if (holding === null) break
    try {
      return await embedOn(holding, deps, { ...asked, model }, context)
    } catch (error) {
      failure = toHaifError(error)
      if (context.signal.aborted) throw asWorkerError(failure)
      if (mayTakeElsewhere(failure)) unlike.push(holding.model)
      else if (!mayTryOn(failure)) throw asWorkerError(failure)
      failed.add(holding)
    }
  }
  throw failure === null ? whyNone(deps, model, constraints) : asWorkerError(failure)
}

async function embedOn(
  holding: Holding,
  { table, pump }: EmbeddingDeps,
  asked: EmbedAsked & { model: string },
  context: RequestContext
): Promise<EmbedReply> {
  const placed = table.placed(holding, false)
  const end = (outcome: Outcome) => {
    table.ended(placed, outcome)
    pump(asked.model)
  }
  try {
    const reply = await holding.link.call(workerEmbed, { asked }, context)
    const lie = embeddingLie(asked, reply)
    if (lie !== null) throw new HaifError('WORKER_FAULTY', `the worker gave ${lie}`)
    end('succeeded')
    const { model, worker } = { model: asked.model, worker: holding.workerKey }
    const { provider, vectors, promptTokens, receipt } = reply
    const embedded = { model, provider, vectors, promptTokens, worker }
    return receipt === undefined ? embedded : { ...embedded, receipt }
  } catch (error) {
    end(faultOf(toHaifError(error)) ?? 'undecided')
    throw error
  }
}

/** Chooses from the table's sample; from all holders where the sample has none that can embed. */
function chooseEmbedder(
  { table, now }: EmbeddingDeps,
  model: string,
  constraints: Constraints
): Holding | null {
  const best = (holdings: Iterable<Holding>) => {
    let found: Holding | null = null
    for (const holding of holdings) {
      if (!canEmbed(holding, constraints, now())) continue
      if (found === null || comesBefore(holding, found)) found = holding
    }
    return found
  }
  return best(table.candidates(model)) ?? best(table.holders(model))
}

const canEmbed = (holding: Holding, constraints: Constraints, now: number): boolean =>
  holding.model.embeddings === true && ineligibility(holding, constraints, now) === null

const wayOf = (way: Way): number => way.rttMs + wayMsOf(way)

/** The one with the model in memory, then the emptier one, then the nearer one. */
function comesBefore(one: Holding, other: Holding): boolean {
  const difference = one.loadMs - other.loadMs || fill(one) - fill(other)
  return (difference || wayOf(one.link) - wayOf(other.link)) < 0
}

/**
 * For an alias, the first model that can embed; with no name, the model most workers can embed
 * with.
 */
function modelFor(asked: EmbedAsked, { table, aliases, now }: EmbeddingDeps): string {
  const { model, labels, workers } = asked
  const count = (name: string, wanted: EmbedAsked['labels']) => {
    const constraints = { exclude: new Set<Holding>(), labels: wanted, workers }
    return [...table.holders(name)].filter((each) => canEmbed(each, constraints, now())).length
  }
  if (model !== undefined) {
    const names = aliases.modelsFor(model, (name) => table.holders(name).size > 0)
    return names.find((name) => count(name, labels) > 0) ?? names[0] ?? model
  }
  const names = [...table.readyModels().keys(), ...table.loadableModels().keys()]
  const [most] = names
    .map((name) => ({ name, able: count(name, labels), anywhere: count(name, undefined) }))
    .toSorted((a, b) => b.able - a.able || b.anywhere - a.anywhere || a.name.localeCompare(b.name))
  if (most === undefined) throw noneReady(table)
  return most.name
}

function whyNone(
  { table, now }: EmbeddingDeps,
  model: string,
  constraints: Constraints
): HaifError {
  const holdings = [...table.holders(model)]
  const ready = holdings.filter(({ isReady }) => isReady)
  if (ready.length > 0 && ready.every(({ model: held }) => held.embeddings !== true)) {
    const engines = [...new Set(ready.map(({ model: held }) => held.engine))].join(', ')
    return new HaifError(
      'UNSUPPORTED_PARAMETER',
      `the engine that holds ${model} (${engines}) makes no embeddings: choose another model`,
      { details: { param: 'model' } }
    )
  }
  const able = holdings.filter(({ model: held }) => held.embeddings === true)
  const [reason] = able.flatMap((holding) => ineligibility(holding, constraints, now()) ?? [])
  return notEligible(table, model, reason ?? 'no worker has it ready for embeddings')
}
