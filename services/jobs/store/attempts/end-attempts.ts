/**
 * Ends attempts without a result: the task goes back to its lane, or, when it has failed for good,
 * becomes a dead letter.
 */
import type { Queryable } from '#shared/store/store.ts'
import { FENCED, type MovedTask } from './fenced.ts'
import type { AttemptName } from '../rows.ts'

export interface Ended extends AttemptName {
  /** Null where nobody knows it. */
  worker: string | null
  dead: boolean
  outcome: 'failed' | 'returned' | 'lost'
  /** Until it may run again. Null: it keeps its place in the lane. */
  delay_ms: number | null
  /** What is added to the counts of the task. */
  failures: number
  losses: number
  preemptions: number
  code: string | null
  message: string | null
}

export async function endAttempts(
  tx: Queryable,
  owner: string,
  ended: readonly Ended[]
): Promise<MovedTask[]> {
  return tx.query<MovedTask>(END, [owner, JSON.stringify(ended)])
}

/** What is given back says why it waits; a failure says what failed. */
const END = `with given as (select * from json_to_recordset($2::json) as g (job_id text,
    task_id text, attempt int, worker text, dead boolean, outcome text, delay_ms double precision,
    failures int, losses int, preemptions int, code text, message text)), ${FENCED},
  moved as (
    update tasks t set
      status = case when g.dead then 'Failed' else 'Queued' end,
      worker = coalesce(g.worker, t.worker),
      failures = t.failures + g.failures, losses = t.losses + g.losses,
      preemptions = t.preemptions + g.preemptions,
      ready_at = case when g.delay_ms is null then t.ready_at
        else now() + g.delay_ms * interval '1 ms' end,
      rank = case when g.delay_ms is null then t.rank
        else (extract(epoch from now()) * 1000 + g.delay_ms)::bigint - t.head_start_ms end,
      waiting_for = case when g.outcome = 'returned' then g.message end,
      error_code = case when g.outcome = 'returned' then t.error_code else g.code end,
      error_message = case when g.outcome = 'returned' then t.error_message else g.message end,
      dead_at = case when g.dead then now() end,
      ended_at = case when g.dead then now() end,
      owner = null, leased_until = null, progress = null, updated_at = now()
    from given g join old using (job_id, task_id)
    where t.job_id = g.job_id and t.task_id = g.task_id
    returning t.*, old.status as was),
  recorded as (
    insert into task_attempts (job_id, task_id, attempt, owner, worker, claimed_at, started_at,
      outcome, error_code, error_message)
    select m.job_id, m.task_id, m.attempt, $1, m.worker, m.claimed_at, m.started_at, g.outcome,
      g.code, g.message
    from moved m join given g using (job_id, task_id)
    -- What nobody began is no attempt that anybody wants to read of.
    where g.outcome <> 'returned' or m.started_at is not null)
  select * from moved`
