/** What a job has come to: outputs of the tasks that no other task needs. */
import type { Queryable } from '#shared/store/store.ts'

interface LastOutput {
  task_id: string
  /** Null where it is longer than asked for. */
  output: string | null
}

const TASKS_MAX = 50

export async function lastOutputs(
  store: Queryable,
  jobId: string,
  charactersMax: number
): Promise<LastOutput[]> {
  return store.query<LastOutput>(
    `select task_id, case when length(output) <= $2 then output end as output from tasks t
     where job_id = $1 and part_of is null and status = 'Completed' and not exists (
       select from task_edges e where e.job_id = t.job_id and e.needed = t.task_id)
     order by number limit $3`,
    [jobId, charactersMax, TASKS_MAX]
  )
}
