/** A page of jobs, the newest first. */
import type { JobQuery } from '#shared/contracts/jobs/views.ts'
import type { Queryable } from '#shared/store/store.ts'
import type { JobRow } from '../rows.ts'

/** Where a page begins: after the job with this id, which was made at this time. */
export interface JobCursor {
  at: Date
  jobId: string
}

interface JobPage extends Omit<JobQuery, 'cursor' | 'limit'> {
  limit: number
  after: JobCursor | null
}

export async function listJobs(
  store: Queryable,
  { status, type, priority, tenant, from, to, runs, limit, after }: JobPage
): Promise<JobRow[]> {
  return store.query<JobRow>(
    `select * from jobs
     where ($1::text is null or tenant_id = $1) and ($2::text is null or status = $2)
       and ($3::text is null or type = $3) and ($4::text is null or priority = $4)
       and ($5::timestamptz is null or created_at >= $5)
       and ($6::timestamptz is null or created_at < $6)
       and ($10::boolean is null or (subject is not null) = $10)
       and ($7::timestamptz is null or (created_at, job_id) < ($7, $8))
     order by created_at desc, job_id desc limit $9`,
    [
      tenant ?? null,
      status ?? null,
      type ?? null,
      priority ?? null,
      from === undefined ? null : new Date(from),
      to === undefined ? null : new Date(to),
      after?.at ?? null,
      after?.jobId ?? null,
      limit,
      runs ?? null
    ]
  )
}
