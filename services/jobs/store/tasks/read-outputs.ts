/** What a task's references stand for: outputs of tasks, and what came with the job. */
import type { Queryable } from '#shared/store/store.ts'

export async function readOutputs(
  store: Queryable,
  jobId: string,
  taskIds: readonly string[]
): Promise<Map<string, string>> {
  const rows = await store.query<{ task_id: string; output: string }>(
    `select task_id, output from tasks
     where job_id = $1 and task_id = any($2) and status = 'Completed'`,
    [jobId, taskIds]
  )
  return new Map(rows.map(({ task_id, output }) => [task_id, output]))
}

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
): Promise<{ task_id: string; output: string | null }[]> {
  return store.query(
    `select task_id, output from tasks where job_id = $1 and part_of = $2 order by created_at, length(task_id), task_id`,
    [jobId, taskId]
  )
}
