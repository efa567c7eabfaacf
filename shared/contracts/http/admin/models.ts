/** Models as operators see them: which worker has which, and what may be done with one there. */
import { Type, type Static } from 'typebox'
import { ModelName } from '../../inference/model-name.ts'
import { PeerKey } from '../../peers/links.ts'
import { PlainText } from '../../plain-text.ts'
import { ModelCapabilities, WorkerModel } from '../../peers/peers.ts'

const LIST_MAX = 4096
const HOLDERS_MAX = 4096

const { state, phase, progress, download, memory, error, slots, running, waiting } =
  WorkerModel.properties

/** A model on one worker. */
const ModelHolder = Type.Object({
  worker: PeerKey,
  name: Type.Optional(Type.String({ maxLength: 64 })),
  state,
  onDemand: Type.Optional(Type.Boolean()),
  phase,
  progress,
  download,
  memory,
  error,
  slots,
  running,
  waiting,
  decodeTokensPerSecond: WorkerModel.properties.decodeTokensPerSecond
})

export const ModelView = Type.Object({
  name: ModelName,
  /** The mesh chooses it for requests that name none. */
  default: Type.Boolean(),
  /** Empty while no worker has looked into the file. */
  digest: Type.String(),
  engine: Type.String(),
  contextTokens: Type.Integer({ minimum: 0 }),
  quantization: Type.Optional(Type.String()),
  parameters: Type.Optional(Type.Integer({ minimum: 0 })),
  sizeBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  capabilities: Type.Optional(ModelCapabilities),
  workers: Type.Array(ModelHolder, { maxItems: HOLDERS_MAX })
})
export type ModelView = Static<typeof ModelView>

export const ModelViewList = Type.Object({ models: Type.Array(ModelView, { maxItems: LIST_MAX }) })
export type ModelViewList = Static<typeof ModelViewList>

/**
 * `load`: into memory, fetched before where it is not there. `unload`: out of memory; the next
 * request loads it again. `pin`: it stays in memory. `fetch`: onto the disk only. `delete`: out of
 * memory and off the disk.
 */
export const ModelAction = Type.Enum(['load', 'unload', 'pin', 'fetch', 'delete'])
export type ModelAction = Static<typeof ModelAction>

export const ModelOrder = Type.Object({
  action: ModelAction,
  /** A name that clients use, a short name, `hf:user/repo:QUANT`, or an address on the hub. */
  model: PlainText(512, 1),
  /** The name that clients use for it from now on. */
  name: Type.Optional(ModelName)
})
export type ModelOrder = Static<typeof ModelOrder>

/** Accepted: how far it is comes with the worker's reports, and so as `worker` events. */
export const ModelOrdered = Type.Object({
  worker: PeerKey,
  action: ModelAction,
  model: ModelName,
  /** As it is on the worker now; absent where it is not held any more. */
  state: Type.Optional(state)
})
export type ModelOrdered = Static<typeof ModelOrdered>

export const PREFETCH_WORKERS_MAX = 256

/** Bring a model to the disks of workers before anybody asks for it. */
export const Prefetch = Type.Object({
  model: ModelOrder.properties.model,
  /** Where it comes from, in place of where the model says: as `model` of an order. */
  source: Type.Optional(PlainText(512, 1)),
  /** By name or by key; all unless given. */
  workers: Type.Optional(
    Type.Array(PlainText(64, 1), { minItems: 1, maxItems: PREFETCH_WORKERS_MAX })
  ),
  /** Workers that have it already get no order; yes unless given. */
  onlyMissing: Type.Optional(Type.Boolean())
})
export type Prefetch = Static<typeof Prefetch>

/** `here`: it had the model before. */
const PrefetchedOn = Type.Object({
  worker: PeerKey,
  name: Type.Optional(Type.String({ maxLength: 64 })),
  outcome: Type.Enum(['ordered', 'here', 'failed']),
  state: Type.Optional(state),
  error: Type.Optional(
    Type.Object({ code: Type.String({ maxLength: 64 }), message: Type.String({ maxLength: 1024 }) })
  )
})
export type PrefetchedOn = Static<typeof PrefetchedOn>

/** Accepted: how far each is comes with the worker's reports. */
export const Prefetched = Type.Object({
  model: ModelName,
  workers: Type.Array(PrefetchedOn, { maxItems: PREFETCH_WORKERS_MAX })
})
export type Prefetched = Static<typeof Prefetched>
