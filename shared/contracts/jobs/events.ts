/**
 * What a job's stream says. Events with an id are kept in the job's history, in the order of their
 * ids, so that a reader who comes back goes on where it was; a snapshot is made for each reader,
 * and text of a running task is passed on and not kept.
 */
import { Type, type Static } from 'typebox'
import { JobSnapshot, JobView, TaskDelta, TaskView } from './views.ts'

const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

/** The last event of a stream, unless the job is resumed. */
export const ENDING_EVENTS = ['job.completed', 'job.failed', 'job.canceled'] as const

export const JobEvent = Type.Union([
  /** `id`: the latest event that it covers; absent while there is none. */
  Type.Object({ event: Type.Literal('job.snapshot'), id: Type.Optional(Id), data: JobSnapshot }),
  Type.Object({
    event: Type.Enum(['job.status', ...ENDING_EVENTS, 'job.archived']),
    id: Id,
    data: JobView
  }),
  Type.Object({ event: Type.Literal('task.update'), id: Id, data: TaskView }),
  Type.Object({ event: Type.Literal('task.output'), data: TaskDelta })
])
export type JobEvent = Static<typeof JobEvent>
