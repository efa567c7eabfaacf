/** The attempts that a worker over HTTP holds by itself, and what has become of one of them. */
import type { Queryable } from '#shared/store/store.ts'
import type { AttemptName, TaskRow } from '../rows.ts'

interface HeldTask extends AttemptName {
  leased_until: Date
}

/** Renews all of them, but for those that have had their time: their leases run out. */
export async function renewHeldTasks(
  store: Queryable,
  { owner, leaseMs }: { owner: string; leaseMs: number }
): Promise<HeldTask[]> {
  return store.query<HeldTask>(
    `update tasks set leased_until = least(now() + $2 * interval '1 ms',
       claimed_at + timeout_ms * interval '1 ms')
     where owner = $1 and status in ('Assigned', 'Running') and leased_until > now()
     returning job_id, task_id, attempt, leased_until`,
    [owner, leaseMs]
  )
}

export async function countHeldTasks(store: Queryable, owner: string): Promise<number> {
  const [row] = await store.query<{ held: number }>(
    `select count(*) as held from tasks where owner = $1 and status in ('Assigned', 'Running')`,
    [owner]
  )
  return row!.held
}

/** Null: there is no such task, or it is of none of these tenants. */
export async function findTask(
  store: Queryable,
  { jobId, taskId }: { jobId: string; taskId: string },
  tenants: readonly string[]
): Promise<TaskRow | null> {
  const [row] = await store.query<TaskRow>(
    'select * from tasks where job_id = $1 and task_id = $2 and tenant_id = any($3)',
    [jobId, taskId, tenants]
  )
  return row ?? null
}

/** How the attempt has ended, if it was this owner's. */
export async function outcomeOf(
  store: Queryable,
  { job_id, task_id, attempt }: AttemptName,
  owner: string
): Promise<string | null> {
  const [row] = await store.query<{ outcome: string }>(
    `select outcome from task_attempts
     where job_id = $1 and task_id = $2 and attempt = $3 and owner = $4`,
    [job_id, task_id, attempt, owner]
  )
  return row?.outcome ?? null
}
