/**
 * A task on its way to a worker. The worker holds the link, says what it can run, and is given
 * tasks over it; the stream of a task is its lease: when it breaks, the attempt is over. A worker
 * learns neither the tenant nor the job.
 */
import { Type, type Static } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { ModelName } from '../inference/model-name.ts'
import { Asked } from '../inference/request.ts'
import { PeerKey } from '../peers/links.ts'
import { between, FROM_JOBS } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { TaskType } from './graph.ts'
import { JobUsage } from './views.ts'

const MODELS_MAX = 64
const TYPES_MAX = 16
/** Tasks that one worker may run at a time. */
const PLACES_MAX = 256
const ARTIFACTS_MAX = 32
export const OFFERED_ENVIRONMENTS_MAX = 64
/** Artifacts that one input may name. */
export const GIVEN_MAX = 256
const TEXT_MAX = 65_536
const BYTES_MAX = Number.MAX_SAFE_INTEGER

/** What a worker can run, and how much of it at a time: on connecting and on each change. */
export const TaskOffer = Type.Object({
  /** Those of `TASK_TYPES` that its owner allows; one that is not named is never sent. */
  types: Type.Array(TaskType, { maxItems: TYPES_MAX }),
  /** Tasks at a time; 0 while it takes nothing new. */
  places: Type.Integer({ minimum: 0, maximum: PLACES_MAX }),
  gpu: Type.Boolean(),
  models: Type.Array(ModelName, { maxItems: MODELS_MAX }),
  region: Type.Optional(PlainText(64, 1)),
  labels: Asked.properties.labels,
  /** Packages of functions that are built there: those used last. */
  environments: Type.Optional(
    Type.Array(Type.String({ pattern: '^[0-9a-f]{32}$' }), { maxItems: OFFERED_ENVIRONMENTS_MAX })
  )
})
export type TaskOffer = Static<typeof TaskOffer>

export const offerTasks = defineMethod(
  'jobs.offer',
  between(['worker'], ['jobs']),
  TaskOffer,
  Type.Object({})
)

/** An artifact of an earlier task of the same tenant, or of another job of it. */
export const GivenArtifact = Type.Object({
  uri: PlainText(512, 1),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  bytes: Type.Integer({ minimum: 0, maximum: BYTES_MAX }),
  /** The worker that lends it to this one; absent: the jobs service passes it on. */
  from: Type.Optional(PeerKey)
})
export type GivenArtifact = Static<typeof GivenArtifact>

export const RunTask = Type.Object({
  /** Names this attempt, and nothing beyond it. */
  run: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  type: TaskType,
  /** By the type, without references: they were replaced by what they stand for. */
  input: Type.Unknown(),
  /** Those that the input names, which this run may read. */
  artifacts: Type.Optional(Type.Array(GivenArtifact, { maxItems: GIVEN_MAX }))
})
export type RunTask = Static<typeof RunTask>

/** While it runs: that it has begun (with nothing in it), how far it is, a part of a text. */
export const TaskItem = Type.Object({
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  note: Type.Optional(PlainText(512)),
  text: Type.Optional(Type.String({ maxLength: TEXT_MAX }))
})
export type TaskItem = Static<typeof TaskItem>

export const TaskArtifact = Type.Object({
  name: Type.String({ pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,128}$' }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  bytes: Type.Integer({ minimum: 0, maximum: BYTES_MAX }),
  mediaType: Type.Optional(PlainText(128, 1))
})
export type TaskArtifact = Static<typeof TaskArtifact>

export const TaskResult = Type.Object({
  output: Type.Unknown(),
  usage: Type.Optional(JobUsage),
  model: Type.Optional(ModelName),
  artifacts: Type.Optional(Type.Array(TaskArtifact, { maxItems: ARTIFACTS_MAX }))
})
export type TaskResult = Static<typeof TaskResult>

export const runTask = defineStream('worker.runTask', FROM_JOBS, RunTask, TaskItem, TaskResult)
