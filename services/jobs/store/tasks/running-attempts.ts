/** The attempts of a job that run. */
import type { Queryable } from '#shared/store/store.ts'

/** By the id of the task. */
export async function runningAttempts(
  store: Queryable,
  jobId: string
): Promise<Map<string, number>> {
  const rows = await store.query<{ task_id: string; attempt: number }>(
    `select task_id, attempt from tasks where job_id = $1 and status in ('Assigned', 'Running')`,
    [jobId]
  )
  return new Map(rows.map(({ task_id, attempt }) => [task_id, attempt]))
}
