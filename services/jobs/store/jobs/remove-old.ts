/** Removes jobs that have ended long ago, with all that belongs to them. */
import type { Queryable } from '#shared/store/store.ts'

/**
 * Returns how many; what has artifacts stays until those are removed where they are kept. A job
 * that somebody is changing is passed over.
 */
export async function removeOldJobs(
  store: Queryable,
  tenant: string,
  days: number,
  max: number
): Promise<number> {
  const rows = await store.query(
    `delete from jobs where job_id in (
       select job_id from jobs j
       where tenant_id = $1 and created_at < now() - make_interval(days => $2)
         and status not in ('Queued', 'Running')
         and ended_at < now() - make_interval(days => $2)
         and not exists (select from artifacts a where a.job_id = j.job_id)
       order by created_at limit $3 for update skip locked)
     returning job_id`,
    [tenant, days, max]
  )
  return rows.length
}

/** The index is walked from tenant to tenant. */
export async function tenantsWithJobs(store: Queryable): Promise<string[]> {
  const rows = await store.query<{ tenant_id: string }>(
    `with recursive tenants as (
       (select tenant_id from jobs order by tenant_id limit 1)
       union all
       select (select j.tenant_id from jobs j where j.tenant_id > t.tenant_id
         order by j.tenant_id limit 1) from tenants t where t.tenant_id is not null)
     select tenant_id from tenants where tenant_id is not null`
  )
  return rows.map(({ tenant_id }) => tenant_id)
}
