/** A run: one call of one version of an object, as a job. */
import { Type, type Static } from 'typebox'
import { TaskConstraints } from '../jobs/graph.ts'
import { JobId, JobPriority, TenantName } from '../jobs/submit.ts'
import { JobState, JobUsage, TaskState } from '../jobs/views.ts'
import { PlainText } from '../plain-text.ts'
import { Sha256, ObjectRef } from './bundle.ts'
import { OFFLINE_POLICIES, RunSubject } from './subject.ts'

const Time = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })
const WAIT_MS_MAX = 600_000

export const StartRun = Type.Object({
  object: ObjectRef,
  arguments: Type.Optional(
    Type.Record(PlainText(64, 1), Type.Unknown(), {
      maxProperties: 64,
      description: 'By the names of the inputs; those with a default may be left out.'
    })
  ),
  /** Of a pipeline: the node whose value is the result; what it does not need does not run. */
  output: Type.Optional(PlainText(64, 1)),
  machine: Type.Optional(
    PlainText(128, 1) // a worker's name, or its key
  ),
  /** Beside what the library says of it. */
  gpu: Type.Optional(Type.Boolean()),
  region: TaskConstraints.properties.region,
  labels: TaskConstraints.properties.labels,
  offlinePolicy: Type.Optional(
    Type.Enum(OFFLINE_POLICIES, {
      description:
        'When the machine is away: `queue` (the default) until it is back, `wait` for ' +
        '`wait_ms`, or `fail_fast`.'
    })
  ),
  /** The answer comes when the run has ended, or after so long. */
  waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: WAIT_MS_MAX })),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 86_400_000 })),
  /** Attempts after the first, of each function. */
  retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
  priority: Type.Optional(JobPriority),
  tenant: Type.Optional(TenantName)
})
export type StartRun = Static<typeof StartRun>

export const RunNode = Type.Object({
  node: PlainText(80, 1),
  type: PlainText(64, 1),
  status: TaskState,
  machine: Type.Optional(PlainText(128)),
  attempt: Type.Integer({ minimum: 0 }),
  waitingFor: Type.Optional(PlainText(2048)),
  error: Type.Optional(PlainText(2048)),
  errorCode: Type.Optional(PlainText(64)),
  stdout: Type.Optional(Type.String()),
  stderr: Type.Optional(Type.String()),
  artifacts: Type.Array(
    Type.Object({
      name: PlainText(128, 1),
      /** Its address below `/v1/jobs`. */
      path: PlainText(512, 1),
      bytes: Type.Integer({ minimum: 0 }),
      sha256: Sha256
    }),
    { maxItems: 64 }
  ),
  startedAt: Type.Optional(Time),
  completedAt: Type.Optional(Time)
})
export type RunNode = Static<typeof RunNode>

export const RunView = Type.Object({
  runId: JobId,
  subject: RunSubject,
  status: JobState,
  message: Type.Optional(PlainText(2048)),
  error: Type.Optional(Type.Object({ code: PlainText(64, 1), message: PlainText(2048) })),
  /** What it has returned. A larger one is the artifact that `resultArtifact` names. */
  result: Type.Optional(Type.Unknown()),
  resultArtifact: Type.Optional(PlainText(512)),
  nodes: Type.Array(RunNode, { maxItems: 1000 }),
  usage: JobUsage,
  createdAt: Time,
  startedAt: Type.Optional(Time),
  completedAt: Type.Optional(Time)
})
export type RunView = Static<typeof RunView>

export const RunQuery = Type.Object({
  status: Type.Optional(JobState),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  cursor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' }))
})
export type RunQuery = Static<typeof RunQuery>

/** Without nodes. */
export const RunList = Type.Object({
  runs: Type.Array(RunView, { maxItems: 200 }),
  nextCursor: Type.Optional(Type.String({ maxLength: 128 }))
})
export type RunList = Static<typeof RunList>
