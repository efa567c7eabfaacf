/** What a task's references stand for: outputs of tasks, and what came with the job. */
import type { Queryable } from '#shared/store/store.ts'
import type { TaskRow } from '../rows.ts'

export async function readOutputs(
  store: Queryable,
  jobId: string,
  taskIds: readonly string[]
): Promise<StoredOutput[]> {
  return store.query(
    `select job_id, task_id, output, artifacts from tasks
     where job_id = $1 and task_id = any($2) and status = 'Completed'`,
    [jobId, taskIds]
  )
}

/** JSON of an output, and of the list of the artifacts that came with it. */
type StoredOutput = Pick<TaskRow, 'job_id' | 'task_id' | 'artifacts'> & { output: string }

/** JSON of the job as it was asked for. */
export async function readSubmitted(store: Queryable, jobId: string): Promise<string | null> {
  const [row] = await store.query<{ submitted: string }>(
    'select submitted from jobs where job_id = $1',
    [jobId]
  )
  return row?.submitted ?? null
}

/** The parts of a map in their order, with the outputs of those that have completed. */
export async function readParts(
  store: Queryable,
  jobId: string,
  taskId: string
): Promise<StoredOutput[]> {
  return store.query(
    `select job_id, task_id, coalesce(output, 'null') as output, artifacts from tasks
     where job_id = $1 and part_of = $2 order by created_at, length(task_id), task_id`,
    [jobId, taskId]
  )
}
