/** Tasks that waited for these: a step nearer, and ready when they waited for nothing else. */
import type { Queryable } from '#shared/store/store.ts'
import type { TaskRow } from '../rows.ts'

/** Returns how many are ready now. */
export async function readyDependents(
  tx: Queryable,
  completed: readonly Pick<TaskRow, 'job_id' | 'task_id'>[]
): Promise<number> {
  if (completed.length === 0) return 0
  const rows = await tx.query<{ waits_for: number }>(READY, [
    completed.map(({ job_id }) => job_id),
    completed.map(({ task_id }) => task_id)
  ])
  return rows.filter(({ waits_for }) => waits_for === 0).length
}

const READY = `update tasks t set
    waits_for = t.waits_for - e.ended,
    ready_at = case when t.waits_for = e.ended then now() end,
    rank = case when t.waits_for = e.ended
      then (extract(epoch from now()) * 1000)::bigint - t.head_start_ms end,
    updated_at = now()
  from (
    select e.job_id, e.task_id, count(*)::int as ended from task_edges e
    join unnest($1::text[], $2::text[]) as c (job_id, needed) using (job_id, needed)
    group by e.job_id, e.task_id) e
  where t.job_id = e.job_id and t.task_id = e.task_id and t.status = 'Queued'
  returning t.waits_for`
