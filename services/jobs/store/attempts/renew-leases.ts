/** Renews the leases of this service's attempts. Returns those that are still its own. */
import type { Queryable } from '#shared/store/store.ts'
import type { AttemptName } from '../rows.ts'

export async function renewLeases(
  store: Queryable,
  { owner, leaseMs }: { owner: string; leaseMs: number },
  attempts: readonly AttemptName[]
): Promise<AttemptName[]> {
  return store.query<AttemptName>(
    `update tasks t set leased_until = now() + $2 * interval '1 ms'
     from unnest($3::text[], $4::text[], $5::int[]) as mine (job_id, task_id, attempt)
     where t.job_id = mine.job_id and t.task_id = mine.task_id and t.attempt = mine.attempt
       and t.owner = $1 and t.status in ('Assigned', 'Running')
     returning t.job_id, t.task_id, t.attempt`,
    [
      owner,
      leaseMs,
      attempts.map(({ job_id }) => job_id),
      attempts.map(({ task_id }) => task_id),
      attempts.map(({ attempt }) => attempt)
    ]
  )
}
