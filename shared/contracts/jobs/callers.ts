/** What people and programs ask of a gateway about jobs; it finds out for whom, and asks on. */
import { Type } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { FROM_CALLERS } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import {
  DeadLetterList,
  DeadLetterQuery,
  RequeueDeadLetters,
  RequeueReport
} from './dead-letters.ts'
import { JobEvent } from './events.ts'
import { GraphTasks } from './graph.ts'
import { JobAct } from './methods.ts'
import { ExplainPolicy, GetPolicy, PolicyExplanation, PolicyVersion, SetPolicy } from './policy.ts'
import { JobAccepted, JobId, SubmitJob } from './submit.ts'
import { JobChanged, JobList, JobQuery, JobView, TaskList, TaskQuery } from './views.ts'

const LARGE = { isLarge: true }
const OneJob = Type.Object({ jobId: JobId })

export const gatewaySubmitJob = defineMethod(
  'gateway.submitJob',
  FROM_CALLERS,
  Type.Object({ job: SubmitJob, idempotencyKey: Type.Optional(PlainText(128, 1)) }),
  JobAccepted,
  LARGE
)

export const gatewayCompileGraph = defineMethod(
  'gateway.compileGraph',
  FROM_CALLERS,
  Type.Object({ job: SubmitJob }),
  Type.Object({ tasks: GraphTasks }),
  LARGE
)

export const gatewayListJobs = defineMethod('gateway.listJobs', FROM_CALLERS, JobQuery, JobList)
export const gatewayGetJob = defineMethod('gateway.getJob', FROM_CALLERS, OneJob, JobView)

export const gatewayListTasks = defineMethod(
  'gateway.listTasks',
  FROM_CALLERS,
  Type.Object({ jobId: JobId, query: TaskQuery }),
  TaskList
)

/** CONFLICT where the job's state does not allow it. */
export const gatewayChangeJob = defineMethod(
  'gateway.changeJob',
  FROM_CALLERS,
  Type.Object({ jobId: JobId, act: JobAct }),
  JobChanged
)

/** As `jobs.watch`. */
export const gatewayWatchJob = defineStream(
  'gateway.watchJob',
  FROM_CALLERS,
  Type.Object({
    jobId: JobId,
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
  }),
  JobEvent,
  Type.Object({})
)

export const gatewayDeadLetters = defineMethod(
  'gateway.deadLetters',
  FROM_CALLERS,
  DeadLetterQuery,
  DeadLetterList
)

/** `confirms`: the number of tasks that the caller knows of; needed beyond a few. */
export const gatewayRequeue = defineMethod(
  'gateway.requeueDeadLetters',
  FROM_CALLERS,
  Type.Object({
    wish: RequeueDeadLetters,
    confirms: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 }))
  }),
  RequeueReport
)

export const gatewaySetPolicy = defineMethod(
  'gateway.setPolicy',
  FROM_CALLERS,
  SetPolicy,
  PolicyVersion,
  LARGE
)
export const gatewayGetPolicy = defineMethod(
  'gateway.getPolicy',
  FROM_CALLERS,
  GetPolicy,
  PolicyVersion
)
export const gatewayExplainPolicy = defineMethod(
  'gateway.explainPolicy',
  FROM_CALLERS,
  ExplainPolicy,
  PolicyExplanation
)
