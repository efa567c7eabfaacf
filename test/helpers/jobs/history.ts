/** Checks what a database of jobs has kept against what SPEC.md promises. Returns what is wrong. */
import type { Store } from '#shared/store/store.ts'

const CHECKS: Record<string, string> = {
  'a job has not ended': `select job_id, status from jobs
    where status not in ('Completed', 'Failed', 'Canceled', 'Archived')`,
  'J2: a result was taken twice': `select job_id, task_id, count(*) from task_attempts
    where outcome = 'completed' group by job_id, task_id having count(*) > 1`,
  'J2: a completed task has no attempt that completed it': `select job_id, task_id from tasks t
    where status = 'Completed' and not exists (
      select 1 from task_attempts a where a.job_id = t.job_id and a.task_id = t.task_id
        and a.attempt = t.attempt and a.outcome = 'completed')`,
  'J1: something was written after the result': `select a.job_id, a.task_id, a.attempt
    from task_attempts a join tasks t using (job_id, task_id)
    where t.status = 'Completed' and a.attempt > t.attempt`,
  'J3: a lease outlives its task': `select job_id, task_id, status, owner from tasks
    where (owner is not null or leased_until is not null)
      and status not in ('Assigned', 'Running')`,
  'J7: a task ran before what it needs had completed': `select t.job_id, t.task_id, e.needed
    from tasks t join task_edges e on e.job_id = t.job_id and e.task_id = t.task_id
    join tasks n on n.job_id = e.job_id and n.task_id = e.needed
    where t.status = 'Completed' and t.map is null
      and (n.status <> 'Completed' or n.ended_at > t.claimed_at)`,
  'J2: the counts of a job are wrong': `select j.job_id from jobs j cross join lateral (
    select count(*)::int as total,
      count(*) filter (where status in ('Queued', 'Assigned'))::int as queued,
      count(*) filter (where status = 'Running')::int as running,
      count(*) filter (where status = 'Completed')::int as completed,
      count(*) filter (where status = 'Failed')::int as failed,
      count(*) filter (where status = 'Canceled')::int as canceled
    from tasks t where t.job_id = j.job_id) c
    where (j.total, j.queued, j.running, j.completed, j.failed, j.canceled) is distinct from
      (c.total, c.queued, c.running, c.completed, c.failed, c.canceled)`,
  'J15: events are missing': `select j.job_id, j.events, count(e.id) from jobs j
    left join job_events e using (job_id) where j.events <= 9000
    group by j.job_id, j.events having count(e.id) <> j.events`,
  'J15: a job that has ended has not said so': `select j.job_id from jobs j
    where status in ('Completed', 'Failed', 'Canceled') and not exists (
      select 1 from job_events e where e.job_id = j.job_id and e.id = j.events
        and e.event = 'job.' || lower(j.status))`
}

export async function problemsIn(store: Store): Promise<string[]> {
  const problems: string[] = []
  for (const [what, sql] of Object.entries(CHECKS)) {
    const rows = await store.query(sql)
    if (rows.length > 0) problems.push(`${what}: ${JSON.stringify(rows.slice(0, 5))}`)
  }
  return problems
}
