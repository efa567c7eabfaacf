/** What peers say of themselves, and what the registry tells about all of them. */
import { Type, type Static } from 'typebox'
import { PeerRole } from '#shared/mesh/role.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { ModelName } from './inference.ts'

const MODELS_PER_WORKER_MAX = 64
const PEERS_MAX = 4096

/** A model on one worker. */
export const WorkerModel = Type.Object({
  name: ModelName,
  state: Type.Union([Type.Literal('loading'), Type.Literal('ready'), Type.Literal('failed')]),
  /** `llama`, `sim`. */
  engine: Type.String({ maxLength: 32 }),
  /** From 0 to 1 while loading or downloading. */
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  /** Why it failed, in a sentence. */
  error: Type.Optional(Type.String({ maxLength: 2048 })),
  /** SHA-256 of the file, hex; known once it is ready. */
  digest: Type.Optional(Type.String({ maxLength: 64 })),
  /** Tokens that prompt and answer may have together. */
  contextTokens: Type.Optional(Type.Integer({ minimum: 1 })),
  quantization: Type.Optional(Type.String({ maxLength: 32 })),
  parameters: Type.Optional(Type.Integer({ minimum: 0 })),
  sizeBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Whether it makes embeddings. */
  embeddings: Type.Optional(Type.Boolean()),
  /** Requests that can run at the same time, that run, and that wait for a slot. */
  slots: Type.Integer({ minimum: 0 }),
  running: Type.Integer({ minimum: 0 }),
  waiting: Type.Integer({ minimum: 0 }),
  /** Of those, the ones that came from the peer that is told. */
  yours: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Measured; 0 until there is a measurement. */
  prefillTokensPerSecond: Type.Number({ minimum: 0 }),
  decodeTokensPerSecond: Type.Number({ minimum: 0 })
})
export type WorkerModel = Static<typeof WorkerModel>

export const WorkerReport = Type.Object({
  models: Type.Array(WorkerModel, { maxItems: MODELS_PER_WORKER_MAX }),
  /** What the owner of the machine says of it; a request may ask for some of them. */
  labels: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 128 }), {
      maxProperties: 32
    })
  ),
  /** Stopping: finishes what runs and takes nothing new. */
  draining: Type.Boolean()
})
export type WorkerReport = Static<typeof WorkerReport>

export const PeerReport = Type.Object({
  host: Type.String({ maxLength: 256 }),
  version: Type.String({ maxLength: 32 }),
  /** Present when the peer is a worker. */
  worker: Type.Optional(WorkerReport)
})
export type PeerReport = Static<typeof PeerReport>

export const Ack = Type.Object({})

/** To every registry and, from workers, to every orchestrator: on connecting, on change, each second. */
export const report = defineMethod('peer.report', PeerReport, Ack)

/** To a worker: take nothing new, finish what runs, and leave the mesh. */
export const workerDrain = defineMethod('worker.drain', Type.Object({}), Ack)

/** The same through an orchestrator, which is connected to the worker. */
export const orchestratorDrain = defineMethod(
  'orchestrator.drain',
  /** Its key in hex, or a beginning of it that only one worker has. */
  Type.Object({ worker: Type.String({ pattern: '^[0-9a-f]{4,64}$' }) }),
  Type.Object({ worker: Type.String() })
)

export const PeerEntry = Type.Object({
  /** Public key, hex. */
  key: Type.String({ minLength: 64, maxLength: 64 }),
  role: PeerRole,
  host: Type.String(),
  version: Type.String(),
  /** Round trip between registry and peer, and whether a relay is between them. */
  rttMs: Type.Number({ minimum: 0 }),
  relayed: Type.Boolean(),
  worker: Type.Optional(WorkerReport)
})
export type PeerEntry = Static<typeof PeerEntry>

/** A model of the mesh and the workers that hold it ready. */
export const ModelEntry = Type.Object({
  name: ModelName,
  digest: Type.String(),
  contextTokens: Type.Integer({ minimum: 1 }),
  engine: Type.String(),
  quantization: Type.Optional(Type.String()),
  parameters: Type.Optional(Type.Integer({ minimum: 0 })),
  sizeBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Public keys, hex. */
  workers: Type.Array(Type.String(), { maxItems: PEERS_MAX }),
  /** When the first worker brought it, in seconds since 1970. */
  createdAt: Type.Integer({ minimum: 0 })
})
export type ModelEntry = Static<typeof ModelEntry>

export const MeshSnapshot = Type.Object({
  peers: Type.Array(PeerEntry, { maxItems: PEERS_MAX }),
  models: Type.Array(ModelEntry, { maxItems: PEERS_MAX })
})
export type MeshSnapshot = Static<typeof MeshSnapshot>

export const registryList = defineMethod('registry.list', Type.Object({}), MeshSnapshot)

export const ModelList = Type.Object({ models: Type.Array(ModelEntry, { maxItems: PEERS_MAX }) })

/** The models that the caller may use. */
export const gatewayModels = defineMethod('gateway.models', Type.Object({}), ModelList)

/**
 * Whether a request would be answered now: an orchestrator that has a worker with a ready model is
 * in reach. `reason` says what is missing.
 */
export const Readiness = Type.Object({
  ready: Type.Boolean(),
  reason: Type.Optional(Type.String({ maxLength: 1024 }))
})
export type Readiness = Static<typeof Readiness>
export const gatewayReady = defineMethod('gateway.ready', Type.Object({}), Readiness)
export const orchestratorReady = defineMethod('orchestrator.ready', Type.Object({}), Readiness)
