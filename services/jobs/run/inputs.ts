/** What a task gets: its input, with what its references stand for. */
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { resolveInput, type Known } from '../graph/resolve.ts'
import type { TaskRow } from '../store/rows.ts'
import { readOutputs, readSubmitted } from '../store/tasks/read-outputs.ts'

export interface InputDeps {
  store: Store
  artifacts: Pick<Artifacts, 'outputOf'>
}

export async function inputOf(
  deps: InputDeps,
  task: TaskRow,
  context: RequestContext
): Promise<unknown> {
  const input: unknown = JSON.parse(task.input)
  return hasReferences(task.input) ? resolveInput(input, await knownTo(deps, task, context)) : input
}

/** Also text may look so; then nothing is found to replace. */
const hasReferences = (json: string): boolean =>
  json.includes('"$from"') || json.includes('"$concat"')

export async function knownTo(
  { store, artifacts }: InputDeps,
  task: TaskRow,
  context: RequestContext
): Promise<Known> {
  const { job_id, dependencies, item } = task
  const [stored, submitted] = await Promise.all([
    dependencies.length === 0 ? [] : readOutputs(store, job_id, dependencies),
    readSubmitted(store, job_id)
  ])
  const outputs = new Map<string, unknown>()
  for (const each of stored) outputs.set(each.task_id, await artifacts.outputOf(each, context))
  const { input: jobInput } = JSON.parse(submitted ?? '{}') as SubmitJob
  const known: Known = {
    jobInput,
    outputOf(taskId) {
      if (outputs.has(taskId)) return outputs.get(taskId)
      throw new HaifError('VALIDATION_FAILED', `${task.task_id} does not depend on ${taskId}`)
    }
  }
  return item === null ? known : { ...known, item: JSON.parse(item) as unknown }
}
