/** What peers say of themselves, and what the registry tells about all of them. */
import { Type, type Static } from 'typebox'
import { PeerRole } from './role.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { ModelName } from '../inference/model-name.ts'
import { Asked } from '../inference/request.ts'
import { between, FROM_CALLERS, FROM_GATEWAYS, FROM_ORCHESTRATORS } from './parties.ts'

const MODELS_PER_WORKER_MAX = 64
const PEERS_MAX = 4096
const GPUS_MAX = 64
const ENGINES_MAX = 16

/** What a model can do on the engine that runs it. Absent: nobody has looked yet. */
export const ModelCapabilities = Type.Object({
  tools: Type.Boolean(),
  jsonSchema: Type.Boolean(),
  embeddings: Type.Boolean(),
  /** Whether it thinks before it answers, and its thoughts are told from the answer. */
  reasoning: Type.Boolean(),
  vision: Type.Boolean()
})
export type ModelCapabilities = Static<typeof ModelCapabilities>

/** Memory in bytes, of the machine and of its GPUs. */
export const Memory = Type.Object({
  ramBytes: Type.Number({ minimum: 0 }),
  vramBytes: Type.Number({ minimum: 0 })
})
export type Memory = Static<typeof Memory>

/** A model on one worker. */
export const WorkerModel = Type.Object({
  name: ModelName,
  /** `loadable`: not in memory; a request for it loads it. */
  state: Type.Union([
    Type.Literal('loading'),
    Type.Literal('ready'),
    Type.Literal('failed'),
    Type.Literal('loadable')
  ]),
  /** `llama`, `sim`. */
  engine: Type.String({ maxLength: 32 }),
  /** Loaded for requests and unloaded to make room for others; else it stays. */
  onDemand: Type.Optional(Type.Boolean()),
  /** While it is loading: what is done of it, and how far, from 0 to 1. */
  phase: Type.Optional(
    Type.Union([
      Type.Literal('downloading'),
      Type.Literal('waitingForMemory'),
      Type.Literal('loading')
    ])
  ),
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  /** Of a model that is not ready: how long loading will probably take from now on. */
  loadMs: Type.Optional(Type.Number({ minimum: 0 })),
  /** Measured once it has been loaded, until then an estimate; absent: not known yet. */
  memory: Type.Optional(Memory),
  /** Why it failed, in a sentence. */
  error: Type.Optional(Type.String({ maxLength: 2048 })),
  /** SHA-256 of the file, hex; known once it is ready. */
  digest: Type.Optional(Type.String({ maxLength: 64 })),
  /** Tokens that prompt and answer may have together. */
  contextTokens: Type.Optional(Type.Integer({ minimum: 1 })),
  quantization: Type.Optional(Type.String({ maxLength: 32 })),
  parameters: Type.Optional(Type.Integer({ minimum: 0 })),
  sizeBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** What computes it: `cuda`, `vulkan`, `metal`, `cpu`; absent where another server does. */
  backend: Type.Optional(Type.String({ maxLength: 32 })),
  /** Whether it has a chat template of its own. */
  chatTemplate: Type.Optional(Type.Boolean()),
  /** What its owner should know, in a sentence. */
  notice: Type.Optional(Type.String({ maxLength: 2048 })),
  capabilities: Type.Optional(ModelCapabilities),
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

/** The machine of a worker, as far as its models may use it. */
export const Hardware = Type.Object({
  cpu: Type.Object({ model: Type.String({ maxLength: 256 }), cores: Type.Integer({ minimum: 1 }) }),
  ram: Type.Object({
    totalBytes: Type.Number({ minimum: 0 }),
    freeBytes: Type.Number({ minimum: 0 })
  }),
  /** Absent where models run on the CPU. Memory of all its devices together. */
  gpu: Type.Optional(
    Type.Object({
      /** `cuda`, `metal`, `vulkan`. */
      backend: Type.String({ maxLength: 32 }),
      names: Type.Array(Type.String({ maxLength: 256 }), { maxItems: GPUS_MAX }),
      totalBytes: Type.Number({ minimum: 0 }),
      freeBytes: Type.Number({ minimum: 0 })
    })
  )
})
export type Hardware = Static<typeof Hardware>

export const EngineVersion = Type.Object({
  /** `llama`, `openai`, `sim`. */
  kind: Type.String({ maxLength: 32 }),
  version: Type.String({ maxLength: 128 })
})
export type EngineVersion = Static<typeof EngineVersion>

export const WorkerReport = Type.Object({
  models: Type.Array(WorkerModel, { maxItems: MODELS_PER_WORKER_MAX }),
  hardware: Type.Optional(Hardware),
  engines: Type.Optional(Type.Array(EngineVersion, { maxItems: ENGINES_MAX })),
  /** Why models run on less than the machine's GPU could do, in a sentence. */
  gpuNote: Type.Optional(Type.String({ maxLength: 1024 })),
  /** What its models may take together; absent: as much as there is. */
  memoryBudget: Type.Optional(Memory),
  /** What the owner of the machine says of it; a request may ask for some of them. */
  labels: Asked.properties.labels,
  /** Stopping: finishes what runs and takes nothing new. */
  draining: Type.Boolean()
})
export type WorkerReport = Static<typeof WorkerReport>

export const PeerReport = Type.Object({
  host: Type.String({ maxLength: 256 }),
  version: Type.String({ maxLength: 32 }),
  /** Of the machine that it runs on. */
  hardware: Type.Optional(
    Type.Object({
      cpus: Type.Integer({ minimum: 0 }),
      memoryBytes: Type.Integer({ minimum: 0 }),
      /** As Node.js names them: `linux-x64`. */
      platform: Type.String({ maxLength: 64 })
    })
  ),
  /** Present when the peer is a worker. */
  worker: Type.Optional(WorkerReport)
})
export type PeerReport = Static<typeof PeerReport>

const Ack = Type.Object({})

/**
 * To every registry and, from workers, to every orchestrator: on connecting, on change, each
 * second.
 */
export const report = defineMethod(
  'peer.report',
  between(['gateway', 'orchestrator', 'worker', 'bridge'], ['registry', 'orchestrator']),
  PeerReport,
  Ack
)

/** To a worker: take nothing new, finish what runs, and leave the mesh. */
export const workerDrain = defineMethod('worker.drain', FROM_ORCHESTRATORS, Type.Object({}), Ack)

/** The same through an orchestrator, which is connected to the worker. */
export const orchestratorDrain = defineMethod(
  'orchestrator.drain',
  FROM_GATEWAYS,
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

/**
 * A model of the mesh, the workers that hold it ready, and those that would load it for a request.
 */
export const ModelEntry = Type.Object({
  name: ModelName,
  /** Empty, and the context 0, while no worker has looked into the file. */
  digest: Type.String(),
  contextTokens: Type.Integer({ minimum: 0 }),
  /** Of all workers that hold it ready. */
  slots: Type.Optional(Type.Integer({ minimum: 0 })),
  engine: Type.String(),
  quantization: Type.Optional(Type.String()),
  parameters: Type.Optional(Type.Integer({ minimum: 0 })),
  sizeBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  chatTemplate: Type.Optional(Type.Boolean()),
  capabilities: Type.Optional(ModelCapabilities),
  /** Public keys, hex. Empty: the first request for it loads it. */
  workers: Type.Array(Type.String(), { maxItems: PEERS_MAX }),
  /** Those that do not have it in memory and would load it. */
  loadable: Type.Optional(Type.Array(Type.String(), { maxItems: PEERS_MAX })),
  /** When the first worker brought it, in seconds since 1970. */
  createdAt: Type.Integer({ minimum: 0 })
})
export type ModelEntry = Static<typeof ModelEntry>

export const MeshSnapshot = Type.Object({
  /** The registry's clock, in milliseconds since 1970. */
  now: Type.Optional(Type.Integer({ minimum: 0 })),
  peers: Type.Array(PeerEntry, { maxItems: PEERS_MAX }),
  models: Type.Array(ModelEntry, { maxItems: PEERS_MAX })
})
export type MeshSnapshot = Static<typeof MeshSnapshot>

export const registryList = defineMethod(
  'registry.list',
  between(['gateway', 'client'], ['registry']),
  Type.Object({}),
  MeshSnapshot
)

const ModelList = Type.Object({ models: Type.Array(ModelEntry, { maxItems: PEERS_MAX }) })

/** The models that the caller may use. */
export const gatewayModels = defineMethod(
  'gateway.models',
  FROM_CALLERS,
  Type.Object({}),
  ModelList
)

/**
 * Whether a request would be answered now: an orchestrator that has a worker with a ready model is
 * in reach. `reason` says what is missing.
 */
export const Readiness = Type.Object({
  ready: Type.Boolean(),
  reason: Type.Optional(Type.String({ maxLength: 1024 }))
})
export type Readiness = Static<typeof Readiness>
export const gatewayReady = defineMethod('gateway.ready', FROM_CALLERS, Type.Object({}), Readiness)
export const orchestratorReady = defineMethod(
  'orchestrator.ready',
  FROM_GATEWAYS,
  Type.Object({}),
  Readiness
)
