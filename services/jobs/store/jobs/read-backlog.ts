/** How much waits and runs, and how long the most patient job has seen nothing happen. */
import type { Queryable } from '#shared/store/store.ts'

export interface Backlog {
  queued: number
  running: number
  dead: number
  /** Since the job that has not ended, is not held and has waited longest has last changed. */
  idle_seconds: number
}

/** Over the indexes of what has not ended: it costs what is open, not what has ever been. */
export async function readBacklog(store: Queryable): Promise<Backlog> {
  const [row] = await store.query<Backlog>(
    `select coalesce(sum(queued), 0)::int as queued, coalesce(sum(running), 0)::int as running,
       coalesce(extract(epoch from now() - min(updated_at) filter (where not held)), 0)::float8
         as idle_seconds,
       (select count(*)::int from tasks where dead_at is not null and status = 'Failed') as dead
     from jobs where status in ('Queued', 'Running')`
  )
  return row!
}
