/**
 * Stores a job with its tasks: one statement, so that a job is there as a whole or not at all,
 * after one trip to the database. Tasks for which the service that stores them has places are
 * claimed by the same statement; of the others every jobs service is told.
 */
import type { Queryable } from '#shared/store/store.ts'
import type { ClaimedTask, JobRow, TaskRow } from '../rows.ts'

export interface NewJob extends Pick<
  JobRow,
  | 'job_id'
  | 'tenant_id'
  | 'token_id'
  | 'type'
  | 'priority'
  | 'submitted'
  | 'subject'
  | 'traceparent'
  | 'held'
> {
  idempotency_key: string | null
  fingerprint: string | null
}

export type NewTask = Pick<
  TaskRow,
  | 'task_id'
  | 'number'
  | 'type'
  | 'input'
  | 'map'
  | 'dependencies'
  | 'needs'
  | 'needs_key'
  | 'priority'
  | 'head_start_ms'
  | 'attempts_max'
  | 'timeout_ms'
>

/** Null: nothing is claimed. */
interface Claim {
  owner: string
  leaseMs: number
  /** Tasks that wait for no others. */
  taskIds: readonly string[]
}

interface Notice {
  channel: string
  payload: string
}

interface Stored {
  job: NewJob
  tasks: readonly NewTask[]
  claim: Claim | null
  /** Null: there is nothing to tell. */
  notice: Notice | null
}

/** Returns the tasks that are claimed. Null: the tenant has a job under this key already. */
export async function insertJob(
  store: Queryable,
  { job, tasks, claim, notice }: Stored
): Promise<ClaimedTask[] | null> {
  const rows = await store.query<ClaimedTask>(INSERT, [
    job.job_id,
    job.tenant_id,
    job.token_id,
    job.type,
    job.priority,
    job.submitted,
    job.idempotency_key,
    job.fingerprint,
    job.traceparent,
    job.held,
    tasks.length,
    JSON.stringify(tasks),
    notice?.channel ?? null,
    notice?.payload ?? null,
    claim?.taskIds ?? [],
    claim?.owner ?? null,
    claim?.leaseMs ?? 0,
    job.subject
  ])
  return rows.length === 0 ? null : rows.filter(({ task_id }) => task_id !== null)
}

/** A held job is one more thing that its tasks wait for. */
const INSERT = `with job as (
    insert into jobs (job_id, tenant_id, token_id, type, priority, submitted, idempotency_key,
      fingerprint, traceparent, held, total, queued, subject)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $18)
    on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
    returning job_id, tenant_id, held::int as held),
  given as (
    select job.job_id, job.tenant_id, t.*, cardinality(t.dependencies) + job.held as waits_for,
      t.task_id = any($15::text[]) as claimed
    from job, json_to_recordset($12::json) as t (task_id text, number int, type text, input text,
      map text, dependencies text[], needs text, needs_key text, priority text, head_start_ms int,
      attempts_max int, timeout_ms int)),
  added as (
    insert into tasks (job_id, tenant_id, task_id, number, type, input, map, dependencies, needs,
      needs_key, priority, head_start_ms, attempts_max, timeout_ms, waits_for, ready_at, rank,
      status, attempt, owner, leased_until, claimed_at)
    select job_id, tenant_id, task_id, number, type, input, map, dependencies, needs,
      needs_key, priority, head_start_ms, attempts_max, timeout_ms, waits_for,
      case when waits_for = 0 then now() end,
      case when waits_for = 0
        then (extract(epoch from now()) * 1000)::bigint - head_start_ms end,
      case when claimed then 'Assigned' else 'Queued' end, claimed::int,
      case when claimed then $16 end,
      case when claimed then now() + $17 * interval '1 ms' end, case when claimed then now() end
    from given returning *),
  edges as (
    insert into task_edges (job_id, needed, task_id)
    select job_id, unnest(dependencies), task_id from given)
  select c.*, $3 as token_id, $9 as traceparent, null as near,
    case when $13::text is not null then pg_notify($13, $14) end
  from job left join added c on c.status = 'Assigned' order by c.number`
