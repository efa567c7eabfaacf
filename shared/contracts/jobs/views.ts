/** How jobs and their tasks look to who asks: lists, filters, states. */
import { Type, type Static } from 'typebox'
import { RunSubject } from '../functions/subject.ts'
import { ModelName } from '../inference/model-name.ts'
import { PlainText } from '../plain-text.ts'
import { TaskType } from './graph.ts'
import { JOB_TYPE_MAX, JobId, JobPriority, PlannerMode, TenantName } from './submit.ts'

export const JOB_STATES = [
  'Queued',
  'Assigned',
  'Running',
  'Completed',
  'Failed',
  'Canceled',
  'Archived'
] as const
export const JobState = Type.Enum(JOB_STATES)
export type JobState = Static<typeof JobState>

/** Those of jobs but `Archived`. A task that waits for others is `Queued` and says for which. */
const TASK_STATES = ['Queued', 'Assigned', 'Running', 'Completed', 'Failed', 'Canceled'] as const
export const TaskState = Type.Enum(TASK_STATES)
export type TaskState = Static<typeof TaskState>

export const LIST_MAX = 1000
const TEXT_MAX = 2048
const Time = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })
const Count = Type.Integer({ minimum: 0 })

export const JobUsage = Type.Object({
  promptTokens: Count,
  completionTokens: Count,
  totalTokens: Count
})
export type JobUsage = Static<typeof JobUsage>

const JobFailure = Type.Object({
  code: PlainText(64, 1),
  message: PlainText(TEXT_MAX),
  taskId: Type.Optional(PlainText(80, 1))
})

export const JobView = Type.Object({
  jobId: JobId,
  type: PlainText(JOB_TYPE_MAX, 1),
  status: JobState,
  /** What it waits for or why it failed, for people. */
  message: Type.Optional(PlainText(TEXT_MAX)),
  tenant: PlainText(128, 1),
  priority: JobPriority,
  plannerMode: Type.Optional(PlannerMode),
  policy: Type.Optional(PlainText(128)),
  model: Type.Optional(ModelName),
  error: Type.Optional(JobFailure),
  tasks: Type.Object({
    total: Count,
    queued: Count,
    running: Count,
    completed: Count,
    failed: Count,
    canceled: Count
  }),
  /** All tasks and attempts together. */
  usage: JobUsage,
  /** The output of the last task, unless it is too large for a reply; then only its artifact. */
  result: Type.Optional(Type.Unknown()),
  resultArtifactUri: Type.Optional(PlainText(512)),
  /** Of a run of a function or a pipeline. */
  subject: Type.Optional(RunSubject),
  createdAt: Time,
  updatedAt: Time,
  startedAt: Type.Optional(Time),
  completedAt: Type.Optional(Time),
  archivedAt: Type.Optional(Time)
})
export type JobView = Static<typeof JobView>

export const TaskView = Type.Object({
  /** Of a part of a map with its number: `t2.0`. */
  taskId: PlainText(80, 1),
  type: TaskType,
  status: TaskState,
  dependencies: Type.Array(PlainText(80, 1)),
  attempt: Count,
  maxAttempts: Count,
  /** Parts of a map that have ended, of all of them. */
  parts: Type.Optional(Type.Object({ total: Count, completed: Count })),
  workerId: Type.Optional(PlainText(128)),
  leaseId: Type.Optional(PlainText(128)),
  leaseExpires: Type.Optional(Time),
  /** Why it does not run: a dependency, or what no connected worker has. */
  waitingFor: Type.Optional(PlainText(TEXT_MAX)),
  /** From 0 to 1, where the task says so. */
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  model: Type.Optional(ModelName),
  usage: Type.Optional(JobUsage),
  output: Type.Optional(Type.Unknown()),
  outputArtifactUri: Type.Optional(PlainText(512)),
  /** Files that it has made: `/v1/jobs/{id}/artifacts/{task}/{name}` has their bytes. */
  artifacts: Type.Optional(
    Type.Array(
      Type.Object({
        name: PlainText(128, 1),
        uri: PlainText(512, 1),
        bytes: Count,
        sha256: Type.String({ pattern: '^[0-9a-f]{64}$' })
      }),
      { maxItems: 64 }
    )
  ),
  error: Type.Optional(PlainText(TEXT_MAX)),
  errorCode: Type.Optional(PlainText(64)),
  createdAt: Time,
  updatedAt: Time,
  startedAt: Type.Optional(Time),
  completedAt: Type.Optional(Time)
})
export type TaskView = Static<typeof TaskView>

export const JobQuery = Type.Object({
  status: Type.Optional(JobState),
  type: Type.Optional(PlainText(JOB_TYPE_MAX, 1)),
  priority: Type.Optional(JobPriority),
  /** Operators see all tenants unless they name one; others only their own. */
  tenant: Type.Optional(TenantName),
  /** Only runs of functions and pipelines. */
  runs: Type.Optional(Type.Boolean()),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_MAX, default: 50 })),
  /** `next_cursor` of the page before. */
  cursor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' }))
})
export type JobQuery = Static<typeof JobQuery>

/** The newest first. */
export const JobList = Type.Object({
  jobs: Type.Array(JobView, { maxItems: LIST_MAX }),
  nextCursor: Type.Optional(Type.String({ maxLength: 128 }))
})
export type JobList = Static<typeof JobList>

export const TaskQuery = Type.Object({
  status: Type.Optional(TaskState),
  workerId: Type.Optional(PlainText(128, 1)),
  /** 0: as many as there may be. */
  limit: Type.Optional(Type.Integer({ minimum: 0, maximum: LIST_MAX, default: 100 })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 }))
})
export type TaskQuery = Static<typeof TaskQuery>

export const TaskList = Type.Object({
  jobId: JobId,
  /** Of all pages. */
  total: Count,
  returned: Count,
  limit: Count,
  offset: Count,
  tasks: Type.Array(TaskView, { maxItems: LIST_MAX })
})
export type TaskList = Static<typeof TaskList>

/** Of `DELETE /v1/jobs/{id}`, `…/archive` and `…/resume`. */
export const JobChanged = Type.Object({
  accepted: Type.Boolean(),
  jobId: JobId,
  status: JobState
})
export type JobChanged = Static<typeof JobChanged>

/** Data of `job.snapshot`: how all stands when a stream begins. */
export const JobSnapshot = Type.Object({
  job: JobView,
  tasks: Type.Array(TaskView, { maxItems: LIST_MAX })
})
export type JobSnapshot = Static<typeof JobSnapshot>

/** Data of `task.output`: text as the model writes it. Kept nowhere: the output has it all. */
export const TaskDelta = Type.Object({
  jobId: JobId,
  taskId: PlainText(80, 1),
  attempt: Count,
  /** The place of the first character of `text` in the answer. */
  offset: Count,
  text: Type.String({ maxLength: 65_536 })
})
export type TaskDelta = Static<typeof TaskDelta>

export const TaskName = Type.Object({ jobId: JobId, taskId: PlainText(80, 1) })
export type TaskName = Static<typeof TaskName>
