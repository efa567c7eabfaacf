/** What gateways ask of jobs services, once they know for whom. */
import { Type, type Static } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { RunSubject } from '../functions/subject.ts'
import { between } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import {
  DeadLetterList,
  DeadLetterQuery,
  RequeueDeadLetters,
  RequeueReport
} from './dead-letters.ts'
import { JobEvent } from './events.ts'
import { JobAccepted, JobId, SubmitJob } from './submit.ts'
import { JobChanged, JobList, JobQuery, JobView, TaskList, TaskQuery } from './views.ts'

const FROM_GATEWAYS = between(['gateway'], ['jobs'])
/** A graph and the inputs of its tasks. */
const LARGE = { isLarge: true }

/** Whose jobs: absent only for operators, who see those of all tenants. */
const Of = { tenant: Type.Optional(PlainText(128, 1)) }
/** Somebody else's job is as unknown as one that never was. */
const OneJob = { ...Of, jobId: JobId }

const SubmitFor = Type.Object({
  /** Who is charged. */
  tenant: PlainText(128, 1),
  /** The token that it came with, whose limits hold for what the job asks of models. */
  tokenId: Type.Optional(PlainText(64, 1)),
  /** The same key and body: the same job. */
  idempotencyKey: Type.Optional(PlainText(128, 1)),
  job: SubmitJob,
  /** Of a run: the object that it runs, and what tells two runs under one key apart. */
  subject: Type.Optional(RunSubject),
  fingerprint: Type.Optional(PlainText(128, 1))
})
export type SubmitFor = Static<typeof SubmitFor>

export const submitJob = defineMethod('jobs.submit', FROM_GATEWAYS, SubmitFor, JobAccepted, LARGE)

const WAIT_MS_MAX = 600_000

/** How a job and its tasks stand; outputs that do not fit are named. */
const JobWithTasks = Type.Object({ job: JobView, tasks: TaskList.properties.tasks })
export type JobWithTasks = Static<typeof JobWithTasks>

/**
 * For a caller that waits: the id once the job is taken, and at the end, or after `waitMs`, what
 * has become of it.
 */
export const submitAndWait = defineStream(
  'jobs.submitAndWait',
  FROM_GATEWAYS,
  Type.Object({
    ...SubmitFor.properties,
    waitMs: Type.Integer({ minimum: 1, maximum: WAIT_MS_MAX })
  }),
  JobAccepted,
  JobWithTasks
)

export const listJobs = defineMethod(
  'jobs.list',
  FROM_GATEWAYS,
  Type.Object({ ...Of, query: JobQuery }),
  JobList
)

export const getJob = defineMethod('jobs.get', FROM_GATEWAYS, Type.Object(OneJob), JobView)

export const listTasks = defineMethod(
  'jobs.tasks',
  FROM_GATEWAYS,
  Type.Object({ ...OneJob, query: TaskQuery }),
  TaskList
)

export const JobAct = Type.Enum(['cancel', 'archive', 'resume'])
export type JobAct = Static<typeof JobAct>

/** CONFLICT where the job's state does not allow it. */
export const changeJob = defineMethod(
  'jobs.change',
  FROM_GATEWAYS,
  Type.Object({ ...OneJob, act: JobAct }),
  JobChanged
)

/**
 * A snapshot first, then each event after it as it happens, until the job has ended. With `after`
 * there is no snapshot, unless the history does not reach back that far any more.
 */
export const watchJob = defineStream(
  'jobs.watch',
  FROM_GATEWAYS,
  Type.Object({
    ...OneJob,
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
  }),
  JobEvent,
  Type.Object({})
)

export const listDeadLetters = defineMethod(
  'jobs.deadLetters',
  FROM_GATEWAYS,
  DeadLetterQuery,
  DeadLetterList
)

export const requeueDeadLetters = defineMethod(
  'jobs.requeue',
  FROM_GATEWAYS,
  RequeueDeadLetters,
  RequeueReport
)
