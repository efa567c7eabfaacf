/**
 * Workers that are no peers: programs that fetch tasks over plain HTTP with the token of a machine,
 * as those of SPLAI do. A worker belongs to its token, and gets tasks of the tenants of that token
 * only.
 */
import { Type, type Static } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { ModelName } from '../inference/model-name.ts'
import { between, FROM_CALLERS } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { TaskConstraints, TaskType } from './graph.ts'
import { JobId } from './submit.ts'
import { TaskArtifact } from './task-run.ts'
import { JobUsage } from './views.ts'

const FROM_GATEWAYS = between(['gateway'], ['jobs'])
/** A result, or the inputs of several tasks. */
const LARGE = { isLarge: true }
const NAMES_MAX = 64
const TYPES_MAX = 16
/** Tasks that one worker may hold at a time. */
export const HELD_MAX = 16
const TENANTS_MAX = 64
const ARTIFACTS_MAX = 32
/** Of the bytes of one artifact in base64; a whole message has 4 MiB. */
const BASE64_MAX = 3_145_728
const TEXT_MAX = 2048

export const HttpWorkerId = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description: 'Letters, digits, `.`, `_` and `-`; the worker chooses it.'
})
const Names = Type.Optional(Type.Array(PlainText(128, 1), { maxItems: NAMES_MAX }))
const Amount = Type.Optional(Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

export const RegisterWorker = Type.Object({
  workerId: HttpWorkerId,
  cpu: Amount,
  memory: Type.Optional(PlainText(64)),
  gpu: Type.Optional(Type.Boolean()),
  models: Type.Optional(Type.Array(ModelName, { maxItems: NAMES_MAX })),
  tools: Names,
  backends: Names,
  /** The region of constraints and policies. */
  locality: Type.Optional(PlainText(64)),
  labels: TaskConstraints.properties.labels,
  types: Type.Optional(
    Type.Array(TaskType, {
      maxItems: TYPES_MAX,
      description:
        'The types of tasks that it takes. Without: `tool_execution` where it has tools, ' +
        '`llm_inference` and `embedding` where it has models.'
    })
  ),
  maxTasks: Type.Optional(
    Type.Integer({ minimum: 1, maximum: HELD_MAX, description: 'Tasks at a time; 4 without.' })
  )
})
export type RegisterWorker = Static<typeof RegisterWorker>

export const WorkerRegistered = Type.Object({
  accepted: Type.Boolean(),
  heartbeatIntervalSeconds: Type.Integer({ minimum: 1 })
})

/** How it is; only that it comes matters here. */
export const WorkerHeartbeat = Type.Object({
  queueDepth: Amount,
  runningTasks: Amount,
  cpuUtilization: Amount,
  memoryUtilization: Amount,
  health: Type.Optional(PlainText(64)),
  timestampUnix: Amount
})

const HeldTask = Type.Object({
  jobId: JobId,
  taskId: PlainText(80, 1),
  leaseId: PlainText(16, 1),
  leaseExpires: Type.Integer({ minimum: 0 })
})

/** `tasks`: what is still the worker's. Another was canceled, or is somebody else's by now. */
export const HeartbeatTaken = Type.Object({
  accepted: Type.Boolean(),
  tasks: Type.Array(HeldTask, { maxItems: HELD_MAX })
})

const AssignmentQuery = Type.Object({
  maxTasks: Type.Optional(Type.Integer({ minimum: 1, maximum: 256, default: 1 }))
})
export { AssignmentQuery }

const Assignment = Type.Object({
  ...HeldTask.properties,
  type: TaskType,
  /** Without references: they were replaced by what they stand for. */
  inputs: Type.Unknown(),
  attempt: Type.Integer({ minimum: 1 })
})
export const Assignments = Type.Object({
  assignments: Type.Array(Assignment, { maxItems: HELD_MAX })
})
export type Assignment = Static<typeof Assignment>

const ReportedArtifact = Type.Object({
  name: TaskArtifact.properties.name,
  contentBase64: Type.String({ maxLength: BASE64_MAX }),
  mediaType: TaskArtifact.properties.mediaType
})

export const TaskReport = Type.Object({
  workerId: HttpWorkerId,
  jobId: JobId,
  taskId: PlainText(80, 1),
  leaseId: Type.Optional(PlainText(16, 1)),
  idempotencyKey: Type.Optional(PlainText(256)),
  status: Type.Enum(['Running', 'Completed', 'Failed', 'Returned'], {
    description:
      '`Running` renews the lease, `Failed` is tried again unless `final` says that it would fail ' +
      'the same way, `Returned` gives the task to another worker.'
  }),
  /** What the task has put out, which others refer to. */
  output: Type.Optional(Type.Unknown()),
  outputArtifactUri: Type.Optional(PlainText(512)),
  artifacts: Type.Optional(Type.Array(ReportedArtifact, { maxItems: ARTIFACTS_MAX })),
  usage: Type.Optional(JobUsage),
  model: Type.Optional(ModelName),
  error: Type.Optional(PlainText(TEXT_MAX)),
  final: Type.Optional(Type.Boolean()),
  durationMillis: Amount
})
export type TaskReport = Static<typeof TaskReport>

/** CONFLICT where the lease is not the worker's, or not any more. */
export const TaskReported = Type.Object({ accepted: Type.Boolean() })

const OneWorker = { workerId: HttpWorkerId }
/** Whose worker it is, and the tenants whose tasks it may have. */
const By = {
  tokenId: PlainText(64, 1),
  tenants: Type.Array(PlainText(128, 1), { minItems: 1, maxItems: TENANTS_MAX })
}
export type WorkerOwner = Static<Type.TObject<typeof By>>

export const registerHttpWorker = defineMethod(
  'jobs.registerHttpWorker',
  FROM_GATEWAYS,
  Type.Object({ ...By, worker: RegisterWorker }),
  WorkerRegistered
)
export const heartbeatHttpWorker = defineMethod(
  'jobs.heartbeatHttpWorker',
  FROM_GATEWAYS,
  Type.Object({ ...By, ...OneWorker }),
  HeartbeatTaken
)
export const assignHttpWorker = defineMethod(
  'jobs.assignHttpWorker',
  FROM_GATEWAYS,
  Type.Object({ ...By, ...OneWorker, ...AssignmentQuery.properties }),
  Assignments,
  LARGE
)
export const reportHttpWorker = defineMethod(
  'jobs.reportHttpWorker',
  FROM_GATEWAYS,
  Type.Object({ ...By, report: TaskReport }),
  TaskReported,
  LARGE
)

export const gatewayRegisterWorker = defineMethod(
  'gateway.registerHttpWorker',
  FROM_CALLERS,
  RegisterWorker,
  WorkerRegistered
)
export const gatewayHeartbeat = defineMethod(
  'gateway.heartbeatHttpWorker',
  FROM_CALLERS,
  Type.Object(OneWorker),
  HeartbeatTaken
)
export const gatewayAssign = defineMethod(
  'gateway.assignHttpWorker',
  FROM_CALLERS,
  Type.Object({ ...OneWorker, ...AssignmentQuery.properties }),
  Assignments,
  LARGE
)
export const gatewayReportTask = defineMethod(
  'gateway.reportHttpWorker',
  FROM_CALLERS,
  TaskReport,
  TaskReported,
  LARGE
)
