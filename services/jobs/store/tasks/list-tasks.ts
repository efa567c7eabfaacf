/** A page of the tasks of a job, in the order of its graph. */
import type { TaskState } from '#shared/contracts/jobs/views.ts'
import type { Queryable } from '#shared/store/store.ts'
import type { TaskRow } from '../rows.ts'

interface TaskPage {
  jobId: string
  status?: TaskState | undefined
  worker?: string | undefined
  limit: number
  offset: number
}

export async function listTasks(
  store: Queryable,
  { jobId, status, worker, limit, offset }: TaskPage
): Promise<{ total: number; tasks: TaskRow[] }> {
  const rows = await store.query<TaskRow & { of_all: number }>(
    `select *, count(*) over () as of_all from tasks
     where job_id = $1 and ($2::text is null or status = $2) and ($3::text is null or worker = $3)
     order by number, task_id limit $4 offset $5`,
    [jobId, status ?? null, worker ?? null, limit, offset]
  )
  return { total: rows[0]?.of_all ?? 0, tasks: rows }
}
