/** Dead letters: tasks that have failed for good, with the times of their attempts. */
import type { DeadLetterFilter } from '#shared/contracts/jobs/dead-letters.ts'
import type { Queryable } from '#shared/store/store.ts'
import type { TaskRow } from '../rows.ts'

export interface DeadRow extends TaskRow {
  attempts: number
  first_at: Date | null
  last_at: Date | null
  of_all: number
}

interface DeadPage {
  filter: DeadLetterFilter
  tasks: readonly { jobId: string; taskId: string }[] | null
  /** The oldest first, or the newest. */
  oldestFirst: boolean
  limit: number
  offset: number
}

export async function deadLetters(
  store: Queryable,
  { filter, tasks, oldestFirst, limit, offset }: DeadPage
): Promise<DeadRow[]> {
  const { tenant, jobId, type, reason, worker, from, to } = filter
  const order = oldestFirst ? 'asc' : 'desc'
  return store.query<DeadRow>(
    `select t.*, count(*) over () as of_all, a.attempts, a.first_at, a.last_at
     from tasks t cross join lateral (
       select count(*)::int as attempts, min(claimed_at) as first_at, max(ended_at) as last_at
       from task_attempts a where a.job_id = t.job_id and a.task_id = t.task_id) a
     where t.dead_at is not null
       and ($1::text is null or t.tenant_id = $1) and ($2::text is null or t.job_id = $2)
       and ($3::text is null or t.type = $3) and ($4::text is null or t.error_code = $4)
       and ($5::text is null or t.worker = $5)
       and ($6::timestamptz is null or t.dead_at >= $6)
       and ($7::timestamptz is null or t.dead_at < $7)
       and ($8::text[] is null or (t.job_id, t.task_id) in (
         select * from unnest($8::text[], $9::text[])))
     order by t.dead_at ${order}, t.job_id, t.task_id limit $10 offset $11`,
    [
      tenant ?? null,
      jobId ?? null,
      type ?? null,
      reason ?? null,
      worker ?? null,
      from === undefined ? null : new Date(from),
      to === undefined ? null : new Date(to),
      tasks?.map((task) => task.jobId) ?? null,
      tasks?.map((task) => task.taskId) ?? null,
      limit,
      offset
    ]
  )
}
