/** Writes how far jobs are. Their rows are locked. */
import type { Queryable } from '#shared/store/store.ts'
import type { JobRow } from '../rows.ts'

/** Returns the rows with their new times. */
export async function updateJobs(tx: Queryable, jobs: readonly JobRow[]): Promise<JobRow[]> {
  return tx.query<JobRow>(UPDATE, [JSON.stringify(jobs)])
}

const UPDATE = `update jobs j set status = g.status, held = g.held, total = g.total,
    queued = g.queued, running = g.running, completed = g.completed, failed = g.failed,
    canceled = g.canceled, prompt_tokens = g.prompt_tokens,
    completion_tokens = g.completion_tokens, events = g.events, error_code = g.error_code,
    error_message = g.error_message, error_task = g.error_task, updated_at = now(),
    started_at = case when g.status <> 'Queued' then coalesce(j.started_at, now()) end,
    ended_at = case when g.status in ('Queued', 'Running') then null
      else coalesce(j.ended_at, now()) end,
    archived_at = case when g.status = 'Archived' then now() end
  from json_to_recordset($1::json) as g (job_id text, status text, held boolean, total int,
    queued int, running int, completed int, failed int, canceled int, prompt_tokens bigint,
    completion_tokens bigint, events bigint, error_code text, error_message text, error_task text)
  where j.job_id = g.job_id returning j.*`
