/**
 * The lanes in which tasks are ready, each with its first one. The index is walked from lane to
 * lane, so that a lane costs the same however many tasks stand in it.
 */
import type { JobPriority } from '#shared/contracts/jobs/submit.ts'
import type { Queryable } from '#shared/store/store.ts'

export interface LaneRow {
  tenant_id: string
  needs_key: string
  /** JSON. */
  needs: string
  priority: JobPriority
  rank: number
}

/** Lanes after which the next ones come. */
export interface LanePlace {
  tenant_id: string
  needs_key: string
}

export async function readyLanes(
  store: Queryable,
  after: LanePlace,
  limit: number
): Promise<{ lanes: LaneRow[]; last: LanePlace | null }> {
  const rows = await store.query<LaneRow & { needs: string | null }>(LANES, [
    after.tenant_id,
    after.needs_key,
    limit
  ])
  const last = rows.length < limit ? null : rows.at(-1)!
  return { lanes: rows.filter(({ needs }) => needs !== null), last }
}

const NEXT = `select tenant_id, needs_key from tasks
  where status = 'Queued' and waits_for = 0 and (tenant_id, needs_key) >`

/** A lane whose tasks are all delayed has no first one. */
const LANES = `with recursive lanes as (
    (${NEXT} ($1, $2) order by tenant_id, needs_key limit 1)
    union all
    select next.* from lanes l,
      lateral (${NEXT} (l.tenant_id, l.needs_key) order by tenant_id, needs_key limit 1) next),
  page as (select * from lanes limit $3)
  select page.*, first.needs, first.priority, first.rank from page left join lateral (
    select needs, priority, rank from tasks t
    where status = 'Queued' and waits_for = 0
      and t.tenant_id = page.tenant_id and t.needs_key = page.needs_key and ready_at <= now()
    order by t.rank limit 1) first on true
  order by page.tenant_id, page.needs_key`
