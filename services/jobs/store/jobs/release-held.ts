/** Lets held jobs of a tenant begin, the oldest of the highest priority first. */
import type { Queryable } from '#shared/store/store.ts'

/** Transactions that count the jobs of a tenant take turns. Any number that is ours. */
const HELD_LOCK = 7_415_031

/** `max`: jobs of the tenant that may be running. Returns those that may begin now. */
export async function releaseHeld(tx: Queryable, tenant: string, max: number): Promise<string[]> {
  await tx.query('select pg_advisory_xact_lock($1, hashtext($2))', [HELD_LOCK, tenant])
  const rows = await tx.query<{ job_id: string }>(RELEASE, [
    tenant,
    Math.min(max, Number.MAX_SAFE_INTEGER)
  ])
  return rows.map(({ job_id }) => job_id)
}

const RELEASE = `with running as (
    select count(*) as jobs from jobs
    where tenant_id = $1 and status in ('Queued', 'Running') and not held),
  next as (
    select job_id from jobs
    where tenant_id = $1 and status in ('Queued', 'Running') and held
    order by array_position(array['interactive', 'standard', 'batch'], priority), created_at, job_id
    limit (select greatest(0, $2::bigint - jobs) from running) for update),
  begun as (
    update jobs j set held = false, updated_at = now() from next where j.job_id = next.job_id
    returning j.job_id),
  ready as (
    update tasks t set waits_for = t.waits_for - 1,
      ready_at = case when t.waits_for = 1 then now() end,
      rank = case when t.waits_for = 1
        then (extract(epoch from now()) * 1000)::bigint - t.head_start_ms end
    from begun where t.job_id = begun.job_id and t.status = 'Queued')
  select job_id from begun`
