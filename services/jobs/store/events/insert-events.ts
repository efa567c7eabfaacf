/** The history of jobs: at most so many events of each, the oldest go. */
import type { JobEvent } from '#shared/contracts/jobs/events.ts'
import type { Queryable } from '#shared/store/store.ts'

/** J15 */
const EVENTS_KEPT = 10_000
/** They go so many at a time, so that most events need no deletion. */
const TRIM_EVERY = 1000

export interface NewEvent {
  job_id: string
  id: number
  event: JobEvent['event']
  data: object
}

export async function insertEvents(tx: Queryable, events: readonly NewEvent[]): Promise<void> {
  await tx.query(
    `insert into job_events (job_id, id, event, data)
     select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[])`,
    [
      events.map(({ job_id }) => job_id),
      events.map(({ id }) => id),
      events.map(({ event }) => event),
      events.map(({ data }) => JSON.stringify(data))
    ]
  )
  const due = events.filter(({ id }) => id > EVENTS_KEPT && id % TRIM_EVERY === 0)
  for (const { job_id, id } of due) {
    await tx.query('delete from job_events where job_id = $1 and id <= $2', [
      job_id,
      id - EVENTS_KEPT
    ])
  }
}
