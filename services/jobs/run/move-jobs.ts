/** Writes what the moves of tasks mean for their jobs, which are locked, and the events of both. */
import type { Queryable } from '#shared/store/store.ts'
import type { MovedTask } from '../store/attempts/fenced.ts'
import { insertEvents } from '../store/events/insert-events.ts'
import { updateJobs } from '../store/jobs/update-jobs.ts'
import type { JobRow } from '../store/rows.ts'
import { advance, eventsOf } from './advance.ts'

/** Returns the jobs as they are now, those that have new events. */
export async function moveJobs(
  tx: Queryable,
  jobs: readonly JobRow[],
  moved: readonly MovedTask[],
  { isCanceled = false }: { isCanceled?: boolean } = {}
): Promise<JobRow[]> {
  const byJob = Map.groupBy(moved, ({ job_id }) => job_id)
  const at = moved[0]?.updated_at
  if (at === undefined) return []
  const advanced = jobs.flatMap((job) => {
    const own = byJob.get(job.job_id)
    return own === undefined ? [] : [advance(job, own, { isCanceled, at })]
  })
  const events = advanced.flatMap(eventsOf)
  const changed = advanced.map(({ job }) => job)
  await updateJobs(tx, changed)
  await insertEvents(tx, events)
  return changed
}
