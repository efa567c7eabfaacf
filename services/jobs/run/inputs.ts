/** What a task gets: its input, with what its references stand for. */
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import type { Store } from '#shared/store/store.ts'
import { resolveInput, type Known } from '../graph/resolve.ts'
import type { TaskRow } from '../store/rows.ts'
import { readOutputs, readSubmitted } from '../store/tasks/read-outputs.ts'

export async function inputOf(store: Store, task: TaskRow): Promise<unknown> {
  const input: unknown = JSON.parse(task.input)
  return hasReferences(task.input) ? resolveInput(input, await knownTo(store, task)) : input
}

/** Also text may look so; then nothing is found to replace. */
const hasReferences = (json: string): boolean =>
  json.includes('"$from"') || json.includes('"$concat"')

export async function knownTo(store: Store, task: TaskRow): Promise<Known> {
  const { job_id, dependencies, item } = task
  const [outputs, submitted] = await Promise.all([
    dependencies.length === 0
      ? new Map<string, string>()
      : readOutputs(store, job_id, dependencies),
    readSubmitted(store, job_id)
  ])
  const { input: jobInput } = JSON.parse(submitted ?? '{}') as SubmitJob
  const known: Known = {
    jobInput,
    outputOf(taskId) {
      const output = outputs.get(taskId)
      if (output !== undefined) return JSON.parse(output) as unknown
      throw new HaifError('VALIDATION_FAILED', `${task.task_id} does not depend on ${taskId}`)
    }
  }
  return item === null ? known : { ...known, item: JSON.parse(item) as unknown }
}
