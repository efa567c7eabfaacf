/** The rows of a run that is not stored yet, as the database would have them. Pure. */
import { advance, eventsOf } from '../run/advance.ts'
import type { MovedTask } from '../store/attempts/fenced.ts'
import type { Completed } from '../store/attempts/complete-tasks.ts'
import type { NewEvent } from '../store/events/insert-events.ts'
import type { NewJob, NewTask } from '../store/jobs/insert-job.ts'
import type { ClaimedTask, JobRow, TaskRow } from '../store/rows.ts'

export interface EndedRows {
  job: JobRow
  task: MovedTask
  events: NewEvent[]
}

const NOTHING_YET = {
  completed: 0,
  failed: 0,
  canceled: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  error_code: null,
  error_message: null,
  started_at: null,
  ended_at: null
} as const

/** The only task of a job, claimed at `at` by `owner`. */
export function claimedTask(job: NewJob, task: NewTask, owner: string, at: Date): ClaimedTask {
  return {
    ...task,
    job_id: job.job_id,
    tenant_id: job.tenant_id,
    token_id: job.token_id,
    traceparent: job.traceparent,
    near: null,
    part_of: null,
    item: null,
    status: 'Assigned',
    waits_for: 0,
    ready_at: at,
    attempt: 1,
    failures: 0,
    losses: 0,
    preemptions: 0,
    owner,
    leased_until: null,
    worker: null,
    claimed_at: at,
    started_at: null,
    ended_at: null,
    progress: null,
    waiting_for: null,
    output: null,
    artifacts: null,
    model: null,
    prompt_tokens: 0,
    completion_tokens: 0,
    error_code: null,
    error_message: null,
    dead_at: null,
    requeued_at: null,
    created_at: at,
    updated_at: at
  }
}

/** Job, task and events as if the beginning and the end had been written one after the other. */
export function endedRows(
  { idempotency_key: _key, fingerprint: _fingerprint, ...job }: NewJob,
  claimed: ClaimedTask,
  { worker, output, artifacts, model, prompt_tokens, completion_tokens }: Completed,
  { begunAt, at }: { begunAt: Date; at: Date }
): EndedRows {
  const { token_id: _token, traceparent: _trace, near: _near, ...task } = claimed
  const { created_at } = task
  const added: JobRow = {
    ...job,
    ...NOTHING_YET,
    status: 'Queued',
    total: 1,
    queued: 1,
    running: 0,
    events: 0,
    error_task: null,
    created_at,
    updated_at: created_at,
    archived_at: null
  }
  const running: TaskRow = { ...task, status: 'Running', worker, started_at: begunAt }
  const begun = { ...running, was: task.status, updated_at: begunAt }
  const first = advance(added, [begun], { at: begunAt })
  const told = eventsOf(first)
  const done: MovedTask = {
    ...running,
    was: 'Running',
    status: 'Completed',
    output,
    artifacts,
    model,
    prompt_tokens,
    completion_tokens,
    progress: 1,
    owner: null,
    ended_at: at,
    updated_at: at
  }
  const last = advance(first.job, [done], { at })
  return { task: done, events: [...told, ...eventsOf(last)], job: last.job }
}
