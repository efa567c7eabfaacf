/**
 * Puts the parts of a map into its job: each a task that the map waits for. The attempt of the map
 * that did so is over, and the next one, when all parts are completed, gathers their outputs.
 */
import type { Queryable } from '#shared/store/store.ts'
import type { TaskRow } from '../rows.ts'

export interface NewPart {
  task_id: string
  /** JSON. */
  item: string
  needs: string
  needs_key: string
}

/** False: the attempt does not count any more. */
export async function insertParts(
  tx: Queryable,
  owner: string,
  { job_id, task_id, attempt }: TaskRow,
  parts: readonly NewPart[]
): Promise<boolean> {
  const rows = await tx.query(INSERT, [job_id, task_id, attempt, owner, JSON.stringify(parts)])
  return rows.length > 0
}

const INSERT = `with map as (
    update tasks set status = 'Queued', waits_for = json_array_length($5::json), ready_at = null,
      rank = null, owner = null, leased_until = null, updated_at = now()
    where job_id = $1 and task_id = $2 and attempt = $3 and owner = $4 and status = 'Assigned'
    returning *),
  parts as (
    insert into tasks (job_id, tenant_id, task_id, number, type, input, part_of, item,
      dependencies, needs, needs_key, priority, head_start_ms, attempts_max, timeout_ms, ready_at,
      rank)
    select m.job_id, m.tenant_id, p.task_id, m.number, m.type, m.input, m.task_id, p.item,
      m.dependencies, p.needs, p.needs_key, m.priority, m.head_start_ms, m.attempts_max,
      m.timeout_ms, now(), (extract(epoch from now()) * 1000)::bigint - m.head_start_ms
    from map m, json_to_recordset($5::json) as p (task_id text, item text, needs text,
      needs_key text)
    returning job_id, task_id),
  edges as (
    insert into task_edges (job_id, needed, task_id)
    select parts.job_id, parts.task_id, map.task_id from parts, map)
  select 1 from map`
