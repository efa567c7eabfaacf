/** One job, and the job under a key. */
import type { Queryable } from '#shared/store/store.ts'
import type { JobRow } from '../rows.ts'

/** `tenant` null: of whichever. */
export async function findJob(
  store: Queryable,
  jobId: string,
  tenant: string | null
): Promise<JobRow | null> {
  const [row] = await store.query<JobRow>(
    'select * from jobs where job_id = $1 and ($2::text is null or tenant_id = $2)',
    [jobId, tenant]
  )
  return row ?? null
}

export async function findJobByKey(
  store: Queryable,
  tenant: string,
  key: string
): Promise<{ job_id: string; fingerprint: string } | null> {
  const [row] = await store.query<{ job_id: string; fingerprint: string }>(
    'select job_id, fingerprint from jobs where tenant_id = $1 and idempotency_key = $2',
    [tenant, key]
  )
  return row ?? null
}
