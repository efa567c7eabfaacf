/**
 * Claims the first ready tasks of some lanes for this service: each gets its next attempt and a
 * lease. Rows that somebody else is claiming are passed over, so nobody waits.
 */
import type { Queryable } from '#shared/store/store.ts'
import type { ClaimedTask } from '../rows.ts'

export interface LaneClaim {
  tenant_id: string
  needs_key: string
  /** At most so many. */
  places: number
}

/** In the order in which they stood, lane by lane. */
export async function claimTasks(
  store: Queryable,
  { owner, leaseMs }: { owner: string; leaseMs: number },
  lanes: readonly LaneClaim[]
): Promise<ClaimedTask[]> {
  return store.query<ClaimedTask>(CLAIM, [
    lanes.map(({ tenant_id }) => tenant_id),
    lanes.map(({ needs_key }) => needs_key),
    lanes.map(({ places }) => places),
    owner,
    leaseMs
  ])
}

/**
 * The rows are found by where they lie: by their names the planner would read the whole table, as
 * it cannot know how few `places` are.
 */
const CLAIM = `with lanes as (
    select * from unnest($1::text[], $2::text[], $3::int[]) as l (tenant_id, needs_key, places)),
  first as (
    select t.place from lanes l cross join lateral (
      select ctid as place from tasks
      where status = 'Queued' and waits_for = 0 and ready_at <= now()
        and tenant_id = l.tenant_id and needs_key = l.needs_key
      order by rank limit l.places for update skip locked) t),
  claimed as (
    update tasks t set status = 'Assigned', attempt = t.attempt + 1, owner = $4,
      leased_until = now() + $5 * interval '1 ms', worker = null, claimed_at = now(),
      started_at = null, ended_at = null, progress = null, waiting_for = null,
      updated_at = now()
    where t.ctid = any(array(select place from first)) and t.status = 'Queued'
    returning t.*)
  select c.*, j.token_id, j.traceparent, (
      select array_agg(distinct n.worker) from tasks n
      where n.job_id = c.job_id and n.task_id = any(c.dependencies)) as near
  from claimed c join jobs j using (job_id) order by c.tenant_id, c.needs_key, c.rank`
