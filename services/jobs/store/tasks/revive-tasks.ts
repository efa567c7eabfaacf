/**
 * Lets failed tasks run again, with all their attempts, and with them what was canceled because of
 * them: what other failed tasks keep from running stays as it is.
 */
import type { Queryable } from '#shared/store/store.ts'
import type { MovedTask } from '../attempts/fenced.ts'

/** `taskIds`: the failed ones of a job. They come back ready, others as far as they wait. */
export async function reviveTasks(
  tx: Queryable,
  jobId: string,
  taskIds: readonly string[]
): Promise<MovedTask[]> {
  return tx.query<MovedTask>(REVIVE, [jobId, taskIds])
}

/** What is revived waits for those of its dependencies that have not completed. */
const REVIVE = `with recursive failed as (
    select job_id, task_id, task_id = any($2) as chosen from tasks
    where job_id = $1 and status = 'Failed'),
  back as (
    select job_id, task_id from failed where chosen
    union
    select e.job_id, e.task_id from task_edges e
    join back b on b.job_id = e.job_id and b.task_id = e.needed),
  kept as (
    select job_id, task_id from failed where not chosen
    union
    select e.job_id, e.task_id from task_edges e
    join kept k on k.job_id = e.job_id and k.task_id = e.needed),
  chosen as (select * from back except select * from kept),
  waiting as (
    select c.job_id, c.task_id, t.status, (
      select count(*)::int from task_edges e
      join tasks n on n.job_id = e.job_id and n.task_id = e.needed and n.status <> 'Completed'
      where e.job_id = c.job_id and e.task_id = c.task_id) as waits_for
    from chosen c join tasks t on t.job_id = c.job_id and t.task_id = c.task_id
    where t.status in ('Failed', 'Canceled'))
  update tasks t set status = 'Queued', waits_for = w.waits_for, failures = 0, losses = 0,
    preemptions = 0, error_code = null, error_message = null, waiting_for = null,
    ready_at = case when w.waits_for = 0 then now() end,
    rank = case when w.waits_for = 0
      then (extract(epoch from now()) * 1000)::bigint - t.head_start_ms end,
    requeued_at = case when w.status = 'Failed' then now() else t.requeued_at end,
    dead_at = null, ended_at = null, updated_at = now()
  from waiting w where t.job_id = w.job_id and t.task_id = w.task_id
  returning t.*, w.status as was`
