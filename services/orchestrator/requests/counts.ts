/**
 * Counts of prompts go to any worker that has the model in memory: the emptiest one. They take no
 * slot, and no model is loaded for them: whoever asks has an estimate already.
 */
import { workerCount, type CountReply } from '#shared/contracts/inference/count.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { noneReady, notEligible } from '../placement/no-worker.ts'
import { fill, ineligibility } from '../placement/placement.ts'
import type { Holding } from '../workers/holding.ts'
import type { WorkerTable } from '../workers/worker-table.ts'
import type { ModelAliases } from './model-aliases.ts'
import { asWorkerError } from './worker-error.ts'
import { toHaifError } from '#shared/errors.ts'

interface CountDeps {
  table: WorkerTable
  aliases: ModelAliases
  now: () => number
}

export async function countSomewhere(
  deps: CountDeps,
  asked: Asked,
  context: RequestContext
): Promise<CountReply> {
  const { table, aliases } = deps
  const names =
    asked.model === undefined
      ? [...table.readyModels().keys()]
      : aliases.modelsFor(asked.model, (name) => table.holders(name).size > 0)
  for (const model of names) {
    const holding = emptiest(deps, model, asked, context)
    if (holding === null) continue
    try {
      return await holding.link.call(workerCount, { asked: { ...asked, model } }, context)
    } catch (error) {
      throw asWorkerError(toHaifError(error))
    }
  }
  const [model] = names
  throw model === undefined
    ? noneReady(table)
    : notEligible(table, model, 'no worker has it in memory')
}

function emptiest(
  { table, now }: CountDeps,
  model: string,
  { labels, workers }: Asked,
  context: RequestContext
): Holding | null {
  const remainingMs = context.remainingMs()
  const constraints = { exclude: new Set<Holding>(), labels, workers, remainingMs }
  let found: Holding | null = null
  for (const holding of table.candidates(model)) {
    if (!holding.isReady || ineligibility(holding, constraints, now()) !== null) continue
    if (found === null || fill(holding) < fill(found)) found = holding
  }
  return found
}
