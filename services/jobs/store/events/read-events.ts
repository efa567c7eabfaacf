/** The history of one job, from a number on. */
import type { JobEvent } from '#shared/contracts/jobs/events.ts'
import type { Queryable } from '#shared/store/store.ts'

interface EventRow {
  id: number
  event: JobEvent['event']
  /** JSON. */
  data: string
}

export async function readEvents(
  store: Queryable,
  jobId: string,
  after: number,
  limit: number
): Promise<EventRow[]> {
  return store.query<EventRow>(
    `select id, event, data from job_events where job_id = $1 and id > $2 order by id limit $3`,
    [jobId, after, limit]
  )
}
