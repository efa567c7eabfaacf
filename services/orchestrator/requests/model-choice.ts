/**
 * Chooses a request's model: the one that it names, one that its alias stands for, or the default.
 */
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { noneReady } from '../placement/no-worker.ts'
import type { WorkerTable } from '../workers/worker-table.ts'
import type { DefaultModel } from './default-model.ts'
import type { ModelAliases } from './model-aliases.ts'

export interface ChoiceDeps {
  table: WorkerTable
  aliases: ModelAliases
  defaults: DefaultModel
}

/**
 * An alias stands for the first of its models with a free slot, else for the first that is ready.
 * An answer that has begun stays with the file that began it, if some worker still has that.
 */
export function chooseModel(
  { asked: { model }, sent }: InferenceRequest,
  { table, aliases, defaults }: ChoiceDeps
): string {
  const digest = sent?.digest
  const began = (name: string) =>
    digest !== undefined && [...table.holders(name)].some((each) => each.model.digest === digest)
  if (model === undefined) {
    const ready = table.readyModels()
    const name = [...ready.keys()].find(began) ?? defaults.of(table)
    if (name === null) throw noneReady(table)
    return name
  }
  const names = aliases.modelsFor(model, (name) => table.holders(name).size > 0)
  return (
    names.find(began) ??
    names.find((name) => table.hasFree(name)) ??
    names.find((name) => table.slots(name) > 0) ??
    names.find((name) => table.holders(name).size > 0) ??
    names[0] ??
    model
  )
}
