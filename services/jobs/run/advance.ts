/**
 * How far a job is after some of its tasks have moved: its counts, its state, and the events that
 * tell it. The row of the job is locked, so nothing moves meanwhile.
 */
import assert from 'node:assert/strict'
import type { JobState, TaskState } from '#shared/contracts/jobs/views.ts'
import type { MovedTask } from '../store/attempts/fenced.ts'
import type { NewEvent } from '../store/events/insert-events.ts'
import { JOB_ENDS, type JobRow } from '../store/rows.ts'
import { jobView, taskView } from '../store/views.ts'

type Count = 'queued' | 'running' | 'completed' | 'failed' | 'canceled'

const COUNTED: Record<TaskState, Count> = {
  Queued: 'queued',
  Assigned: 'queued',
  Running: 'running',
  Completed: 'completed',
  Failed: 'failed',
  Canceled: 'canceled'
}

const ENDING: Partial<Record<JobState, NewEvent['event']>> = {
  Completed: 'job.completed',
  Failed: 'job.failed',
  Canceled: 'job.canceled',
  Archived: 'job.archived'
}

interface Advanced {
  job: JobRow
  /** Tasks that have changed, in order; their events come before that of the job. */
  moved: readonly MovedTask[]
  /** The job's own state has changed. */
  isNews: boolean
}

interface Moment {
  /** Its owner has canceled the job, and all its open tasks are among those that have moved. */
  isCanceled?: boolean
  at: Date
}

export function advance(
  before: JobRow,
  moved: readonly MovedTask[],
  { isCanceled = false, at }: Moment
): Advanced {
  const job: JobRow = { ...before, updated_at: at }
  for (const task of moved) count(job, task)
  const { queued, running, completed, failed, canceled, total } = job
  assert.equal(
    queued + running + completed + failed + canceled,
    total,
    'J2: every task counts once'
  )
  job.status = stateOf(job, isCanceled)
  if (job.status !== 'Queued') job.started_at ??= at
  job.ended_at = JOB_ENDS.has(job.status) ? (job.ended_at ?? at) : null
  if (failed === 0) Object.assign(job, { error_code: null, error_message: null, error_task: null })
  return { job, moved, isNews: job.status !== before.status }
}

function count(job: JobRow, task: MovedTask): void {
  job[COUNTED[task.was]]--
  job[COUNTED[task.status]]++
  assert(job[COUNTED[task.was]] >= 0, `J2: fewer than no tasks are ${task.was}`)
  if (task.status === 'Completed') {
    job.prompt_tokens += task.prompt_tokens
    job.completion_tokens += task.completion_tokens
  }
  if (task.status !== 'Failed' || job.error_task !== null) return
  job.error_task = task.task_id
  job.error_code = task.error_code
  job.error_message = task.error_message
}

function stateOf(job: JobRow, isCanceled: boolean): JobState {
  if (isCanceled) return 'Canceled'
  if (job.queued + job.running === 0) return job.failed > 0 ? 'Failed' : 'Completed'
  const hasBegun = job.status !== 'Queued' || job.running + job.completed + job.failed > 0
  return hasBegun ? 'Running' : 'Queued'
}

/** A task that nobody could take, and that is back in its lane, has not changed for anybody. */
const isWorthTelling = ({ was, status, error_code }: MovedTask): boolean =>
  was !== 'Assigned' || status !== 'Queued' || error_code !== null

/** The events of a job, numbered on from its last one; `job.events` is moved on. */
export function eventsOf({ job, moved, isNews }: Advanced): NewEvent[] {
  const { job_id } = job
  const told = moved.filter(isWorthTelling).map((task): Omit<NewEvent, 'id'> => {
    return { job_id, event: 'task.update', data: taskView(task) }
  })
  if (isNews) {
    told.push({ job_id, event: ENDING[job.status] ?? 'job.status', data: jobView(job) })
  }
  return told.map((event) => ({ ...event, id: ++job.events }))
}
