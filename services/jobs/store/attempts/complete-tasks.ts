/** Takes the results of attempts. */
import type { Queryable } from '#shared/store/store.ts'
import { FENCED, type MovedTask } from './fenced.ts'
import type { AttemptName } from '../rows.ts'

export interface Completed extends AttemptName {
  worker: string
  /** JSON. */
  output: string
  artifacts: string | null
  model: string | null
  prompt_tokens: number
  completion_tokens: number
}

export async function completeTasks(
  tx: Queryable,
  owner: string,
  completed: readonly Completed[]
): Promise<MovedTask[]> {
  return tx.query<MovedTask>(COMPLETE, [owner, JSON.stringify(completed)])
}

const COMPLETE = `with given as (select * from json_to_recordset($2::json) as g (job_id text,
    task_id text, attempt int, worker text, output text, artifacts text, model text,
    prompt_tokens bigint, completion_tokens bigint)), ${FENCED},
  moved as (
    update tasks t set status = 'Completed', worker = g.worker, output = g.output,
      artifacts = g.artifacts, model = g.model, progress = 1, waiting_for = null,
      prompt_tokens = t.prompt_tokens + g.prompt_tokens,
      completion_tokens = t.completion_tokens + g.completion_tokens,
      error_code = null, error_message = null, owner = null, leased_until = null,
      ended_at = now(), updated_at = now()
    from given g join old using (job_id, task_id)
    where t.job_id = g.job_id and t.task_id = g.task_id
    returning t.*, old.status as was),
  recorded as (
    insert into task_attempts
      (job_id, task_id, attempt, owner, worker, claimed_at, started_at, outcome)
    select job_id, task_id, attempt, $1, worker, claimed_at, started_at, 'completed' from moved)
  select * from moved`
