/** Jobs and tasks as the database has them. */
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import type { JobPriority } from '#shared/contracts/jobs/submit.ts'
import type { JobState, TaskState } from '#shared/contracts/jobs/views.ts'

export interface JobRow {
  job_id: string
  tenant_id: string
  token_id: string | null
  type: string
  priority: JobPriority
  submitted: string
  /** Of a run: the object, as JSON. */
  subject: string | null
  traceparent: string | null
  status: JobState
  held: boolean
  total: number
  queued: number
  running: number
  completed: number
  failed: number
  canceled: number
  prompt_tokens: number
  completion_tokens: number
  events: number
  error_code: string | null
  error_message: string | null
  error_task: string | null
  created_at: Date
  updated_at: Date
  started_at: Date | null
  ended_at: Date | null
  archived_at: Date | null
}

export interface TaskRow {
  job_id: string
  task_id: string
  number: number
  tenant_id: string
  type: GraphTask['type']
  input: string
  map: string | null
  part_of: string | null
  item: string | null
  dependencies: string[]
  status: TaskState
  waits_for: number
  needs: string
  needs_key: string
  priority: JobPriority
  head_start_ms: number
  ready_at: Date | null
  attempt: number
  failures: number
  losses: number
  preemptions: number
  attempts_max: number
  timeout_ms: number
  owner: string | null
  leased_until: Date | null
  worker: string | null
  claimed_at: Date | null
  started_at: Date | null
  ended_at: Date | null
  progress: number | null
  waiting_for: string | null
  output: string | null
  artifacts: string | null
  model: string | null
  prompt_tokens: number
  completion_tokens: number
  error_code: string | null
  error_message: string | null
  dead_at: Date | null
  requeued_at: Date | null
  created_at: Date
  updated_at: Date
}

/** A task that this service is to run, with what it needs to know of its job. */
export interface ClaimedTask extends TaskRow {
  token_id: string | null
  traceparent: string | null
  /** Where the tasks ran that it depends on: what they left may be there. */
  near: string[] | null
}

/** Owners of attempts are services, and workers that fetch their tasks by themselves. */
export const httpOwner = (tokenId: string, workerId: string): string =>
  `http/${tokenId}/${workerId}`

export const isHttpWorker = (owner: string | null): boolean => owner?.startsWith('http/') === true

/** An attempt: whatever is said about it names it. */
export interface AttemptName {
  job_id: string
  task_id: string
  attempt: number
}

export const JOB_ENDS: ReadonlySet<JobState> = new Set([
  'Completed',
  'Failed',
  'Canceled',
  'Archived'
])
