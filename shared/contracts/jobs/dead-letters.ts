/** Tasks that have used up their attempts, and what operators do with them. */
import { Type, type Static } from 'typebox'
import { PlainText } from '../plain-text.ts'
import { TaskType } from './graph.ts'
import { JobId, TenantName } from './submit.ts'
import { TaskName } from './views.ts'

/** Tasks of one requeue. */
export const REQUEUE_MAX = 100
/** Beyond so many tasks an operator must confirm, with the header `X-HAIF-Confirm`. */
export const REQUEUE_CONFIRM_OVER = 20
/** Requeues within a minute, of one token. */
export const REQUEUES_PER_MINUTE = 30

const Time = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })

export const DeadLetter = Type.Object({
  jobId: JobId,
  taskId: PlainText(80, 1),
  type: TaskType,
  tenant: PlainText(128, 1),
  /** A code of `docs/errors.md`, and what happened. */
  reason: PlainText(64, 1),
  message: PlainText(2048),
  attempts: Type.Integer({ minimum: 0 }),
  lastWorker: Type.Optional(PlainText(128)),
  firstAttemptAt: Type.Optional(Time),
  lastAttemptAt: Type.Optional(Time),
  deadAt: Time,
  requeuedAt: Type.Optional(Time)
})
export type DeadLetter = Static<typeof DeadLetter>

export const DeadLetterFilter = Type.Object({
  tenant: Type.Optional(TenantName),
  jobId: Type.Optional(JobId),
  type: Type.Optional(TaskType),
  reason: Type.Optional(PlainText(64, 1)),
  worker: Type.Optional(PlainText(128, 1)),
  from: Type.Optional(Time),
  to: Type.Optional(Time)
})
export type DeadLetterFilter = Static<typeof DeadLetterFilter>

export const DeadLetterQuery = Type.Object({
  ...DeadLetterFilter.properties,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 50 })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 }))
})
export type DeadLetterQuery = Static<typeof DeadLetterQuery>

/** The newest first. */
export const DeadLetterList = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  tasks: Type.Array(DeadLetter, { maxItems: 1000 })
})
export type DeadLetterList = Static<typeof DeadLetterList>

/** Either `tasks` or `filter`; a filter takes the oldest first. */
export const RequeueDeadLetters = Type.Object({
  tasks: Type.Optional(Type.Array(TaskName, { minItems: 1, maxItems: REQUEUE_MAX })),
  filter: Type.Optional(DeadLetterFilter),
  dryRun: Type.Optional(Type.Boolean()),
  max: Type.Optional(Type.Integer({ minimum: 1, maximum: REQUEUE_MAX, default: REQUEUE_MAX }))
})
export type RequeueDeadLetters = Static<typeof RequeueDeadLetters>

export const RequeueReport = Type.Object({
  dryRun: Type.Boolean(),
  requested: Type.Integer({ minimum: 0 }),
  requeued: Type.Integer({ minimum: 0 }),
  /** Those that were (or would be) requeued. */
  tasks: Type.Array(TaskName, { maxItems: REQUEUE_MAX }),
  /** Those that were asked for by name and are no dead letters. */
  unknown: Type.Array(TaskName, { maxItems: REQUEUE_MAX })
})
export type RequeueReport = Static<typeof RequeueReport>
