/** Cancels all open tasks of a job, whatever they are about, and ends the attempts that run. */
import type { Queryable } from '#shared/store/store.ts'
import type { MovedTask } from '../attempts/fenced.ts'

export async function cancelTasks(tx: Queryable, jobId: string): Promise<MovedTask[]> {
  return tx.query<MovedTask>(CANCEL, [jobId])
}

const CANCEL = `with old as (
    select job_id, task_id, status, owner from tasks
    where job_id = $1 and status in ('Queued', 'Assigned', 'Running') for update),
  moved as (
    update tasks t set status = 'Canceled', owner = null, leased_until = null, ready_at = null,
      rank = null, waiting_for = null, ended_at = now(), updated_at = now()
    from old where t.job_id = old.job_id and t.task_id = old.task_id
    returning t.*, old.status as was, old.owner as owner_was),
  recorded as (
    insert into task_attempts
      (job_id, task_id, attempt, owner, worker, claimed_at, started_at, outcome)
    select job_id, task_id, attempt, owner_was, worker, claimed_at, started_at, 'canceled'
    from moved where was <> 'Queued')
  select * from moved order by number, task_id`
