/** Cancels all tasks that need one of these, directly or not: they cannot run any more. */
import type { Queryable } from '#shared/store/store.ts'
import type { MovedTask } from '../attempts/fenced.ts'
import type { TaskRow } from '../rows.ts'

export async function cancelDependents(
  tx: Queryable,
  failed: readonly Pick<TaskRow, 'job_id' | 'task_id'>[]
): Promise<MovedTask[]> {
  return tx.query<MovedTask>(CANCEL, [
    failed.map(({ job_id }) => job_id),
    failed.map(({ task_id }) => task_id)
  ])
}

/** `union` ends the walk where several ways lead to a task. */
const CANCEL = `with recursive lost as (
    select f.job_id, f.task_id, f.task_id as cause
    from unnest($1::text[], $2::text[]) as f (job_id, task_id)
    union
    select e.job_id, e.task_id, l.cause from task_edges e
    join lost l on l.job_id = e.job_id and l.task_id = e.needed),
  causes as (select job_id, task_id, min(cause) as cause from lost group by job_id, task_id)
  update tasks t set status = 'Canceled', error_code = 'CANCELLED',
    error_message = format('it needs %s, which has failed', c.cause),
    ready_at = null, rank = null, ended_at = now(), updated_at = now()
  from causes c
  where t.job_id = c.job_id and t.task_id = c.task_id and t.status = 'Queued'
  returning t.*, 'Queued' as was`
