/** Locks the rows of jobs, in the order of their ids, so that two who need several never wait. */
import type { Queryable } from '#shared/store/store.ts'
import type { JobRow } from '../rows.ts'

export async function lockJobs(tx: Queryable, jobIds: readonly string[]): Promise<JobRow[]> {
  return tx.query<JobRow>('select * from jobs where job_id = any($1) order by job_id for update', [
    [...new Set(jobIds)]
  ])
}
