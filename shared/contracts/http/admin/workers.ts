/** Workers as operators see them, and what they may be told to do. */
import { Type, type Static } from 'typebox'
import { LinkState, PeerKey } from '../../peers/links.ts'
import { WorkerModel, WorkerReport } from '../../peers/peers.ts'
import { MachineName } from '../../peers/members.ts'
import { PlainText } from '../../plain-text.ts'

const LIST_MAX = 500
const WARNINGS_MAX = 64
const LABELS_MAX = 32

/**
 * `paused`: takes nothing new until it is resumed. `draining`: it leaves. `empty`: holds no model.
 */
export const WorkerState = Type.Enum(['ready', 'loading', 'paused', 'draining', 'failed', 'empty'])
export type WorkerState = Static<typeof WorkerState>

/** Of the last 24 hours; a stop by the caller is no failure. */
const WorkerToday = Type.Object({
  requests: Type.Integer({ minimum: 0 }),
  stopped: Type.Integer({ minimum: 0 }),
  failed: Type.Integer({ minimum: 0 }),
  promptTokens: Type.Integer({ minimum: 0 }),
  completionTokens: Type.Integer({ minimum: 0 }),
  /** Milliseconds from the start of an attempt to its first token; absent: no answers. */
  firstTokenP50Ms: Type.Optional(Type.Number({ minimum: 0 })),
  firstTokenP95Ms: Type.Optional(Type.Number({ minimum: 0 }))
})

export const WorkerView = Type.Object({
  /** Its public key, hex. */
  id: PeerKey,
  name: Type.Optional(Type.String({ maxLength: 64 })),
  host: Type.String(),
  version: Type.String(),
  state: WorkerState,
  /** The connection between the registry and the worker. */
  ...LinkState.properties,
  /** The connections over which requests come, as orchestrators measure them. */
  links: Type.Optional(Type.Array(Type.Object({ from: PeerKey, ...LinkState.properties }))),
  models: Type.Array(WorkerModel),
  /** Of all its models together. */
  slots: Type.Integer({ minimum: 0 }),
  running: Type.Integer({ minimum: 0 }),
  waiting: Type.Integer({ minimum: 0 }),
  hardware: WorkerReport.properties.hardware,
  engines: WorkerReport.properties.engines,
  memoryBudget: WorkerReport.properties.memoryBudget,
  labels: WorkerReport.properties.labels,
  /** What stands against it, in sentences: its own warnings, and what orchestrators have seen. */
  warnings: Type.Array(Type.String(), { maxItems: WARNINGS_MAX }),
  today: Type.Optional(WorkerToday)
})
export type WorkerView = Static<typeof WorkerView>

const Cursor = Type.String({ maxLength: 512, description: '`next` of the page before.' })

export const WorkersQuery = Type.Object({
  state: Type.Optional(WorkerState),
  /** Only workers that have this model, in whatever state. */
  model: Type.Optional(PlainText(256, 1)),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_MAX })),
  after: Type.Optional(Cursor)
})
export type WorkersQuery = Static<typeof WorkersQuery>

export const WorkerList = Type.Object({
  workers: Type.Array(WorkerView, { maxItems: LIST_MAX }),
  /** Of all pages. */
  total: Type.Integer({ minimum: 0 }),
  next: Type.Optional(Cursor)
})
export type WorkerList = Static<typeof WorkerList>

/** A key, the beginning of one, or a name that only one worker has. */
export const WorkerId = Type.String({ minLength: 1, maxLength: 64 })

/** `leave`: it finishes what it runs and leaves the mesh; else it stays, and can be resumed. */
export const DrainWorkerBody = Type.Object({ leave: Type.Optional(Type.Boolean()) })
export type DrainWorkerBody = Static<typeof DrainWorkerBody>
export const RenameWorkerBody = Type.Object({ name: MachineName })
export type RenameWorkerBody = Static<typeof RenameWorkerBody>
/** Merged into the labels that it has; null takes one away. */
export const LabelChanges = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$' }),
  Type.Union([PlainText(64), Type.Null()]),
  { maxProperties: LABELS_MAX }
)
export type LabelChanges = Static<typeof LabelChanges>
export const LabelWorkerBody = Type.Object({ labels: LabelChanges })
export type LabelWorkerBody = Static<typeof LabelWorkerBody>

const WorkerAct = Type.Enum(['drain', 'resume', 'rename', 'label', 'remove'])

/** What was done. */
export const WorkerChanged = Type.Object({
  id: PeerKey,
  name: Type.Optional(Type.String({ maxLength: 64 })),
  act: WorkerAct,
  labels: WorkerReport.properties.labels
})
export type WorkerChanged = Static<typeof WorkerChanged>
