/** What peers say of themselves, and what the registry tells about all of them. */
import { Type, type Static } from 'typebox'
import { LinkState, PeerKey } from './links.ts'
import { PeerRole } from './role.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { ModelName } from '../inference/model-name.ts'
import { PlainText } from '../plain-text.ts'
import { Asked } from '../inference/request.ts'
import { between, FROM_CALLERS, FROM_GATEWAYS } from './parties.ts'

export const MODELS_PER_WORKER_MAX = 64
/** Sentences for people in a report, which every registry and orchestrator keeps. */
export const SENTENCE_MAX = 512
/** Numbers that a database column and a sum must hold, and that no machine of today reaches. */
const BYTES_MAX = Number.MAX_SAFE_INTEGER
const COUNT_MAX = 1_000_000
const SLOTS_MAX = 65_536
const CONTEXT_TOKENS_MAX = 2 ** 31 - 1
const RATE_MAX = 100_000_000
const LOAD_MS_MAX = 86_400_000
const PEERS_MAX = 4096
/** Orchestrators and gateways that are connected with one peer. */
const LINKS_MAX = 64
const GPUS_MAX = 64
export const HELD_AGAINST_MAX = 64
const CURSOR_MAX = 512
const ENGINES_MAX = 16
/** Models on the disk of a worker that it reports. */
export const WEIGHTS_MAX = 256

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
  ramBytes: Type.Number({ minimum: 0, maximum: BYTES_MAX }),
  vramBytes: Type.Number({ minimum: 0, maximum: BYTES_MAX })
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
  engine: PlainText(32),
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
  /** While it is downloading. */
  download: Type.Optional(
    Type.Object({
      bytes: Type.Number({ minimum: 0 }),
      /** Absent where no server says it. */
      totalBytes: Type.Optional(Type.Number({ minimum: 0 })),
      bytesPerSecond: Type.Number({ minimum: 0 })
    })
  ),
  /** Of a model that is not ready: how long loading will probably take from now on. */
  loadMs: Type.Optional(Type.Number({ minimum: 0, maximum: LOAD_MS_MAX })),
  /** Measured once it has been loaded, until then an estimate; absent: not known yet. */
  memory: Type.Optional(Memory),
  /** Why it failed, in a sentence. */
  error: Type.Optional(PlainText(SENTENCE_MAX)),
  /** Where it came from, where that is on the hub: `hf:user/repo:QUANT`. */
  source: Type.Optional(PlainText(512)),
  /** SHA-256 of the file, hex; known once it is ready. */
  digest: Type.Optional(PlainText(64)),
  /** Tokens that prompt and answer may have together. */
  contextTokens: Type.Optional(Type.Integer({ minimum: 1, maximum: CONTEXT_TOKENS_MAX })),
  quantization: Type.Optional(PlainText(32)),
  parameters: Type.Optional(Type.Integer({ minimum: 0, maximum: BYTES_MAX })),
  sizeBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: BYTES_MAX })),
  /** What computes it: `cuda`, `vulkan`, `metal`, `cpu`; absent where another server does. */
  backend: Type.Optional(PlainText(32)),
  /** Whether it has a chat template of its own. */
  chatTemplate: Type.Optional(Type.Boolean()),
  /** What its owner should know, in a sentence. */
  notice: Type.Optional(PlainText(SENTENCE_MAX)),
  capabilities: Type.Optional(ModelCapabilities),
  /** Whether it makes embeddings. */
  embeddings: Type.Optional(Type.Boolean()),
  /** Requests that can run at the same time, that run, and that wait for a slot. */
  slots: Type.Integer({ minimum: 0, maximum: SLOTS_MAX }),
  running: Type.Integer({ minimum: 0, maximum: COUNT_MAX }),
  waiting: Type.Integer({ minimum: 0, maximum: COUNT_MAX }),
  /** Of those, the ones that came from the peer that is told. */
  yours: Type.Optional(Type.Integer({ minimum: 0, maximum: COUNT_MAX })),
  /** Measured; 0 until there is a measurement. */
  prefillTokensPerSecond: Type.Number({ minimum: 0, maximum: RATE_MAX }),
  decodeTokensPerSecond: Type.Number({ minimum: 0, maximum: RATE_MAX })
})
export type WorkerModel = Static<typeof WorkerModel>

/** The machine of a worker, as far as its models may use it. */
export const Hardware = Type.Object({
  cpu: Type.Object({
    model: PlainText(256),
    cores: Type.Integer({ minimum: 1, maximum: COUNT_MAX })
  }),
  ram: Type.Object({
    totalBytes: Type.Number({ minimum: 0, maximum: BYTES_MAX }),
    freeBytes: Type.Number({ minimum: 0, maximum: BYTES_MAX })
  }),
  /** Absent where models run on the CPU. Memory of all its devices together. */
  gpu: Type.Optional(
    Type.Object({
      /** `cuda`, `metal`, `vulkan`. */
      backend: PlainText(32),
      names: Type.Array(PlainText(256), { maxItems: GPUS_MAX }),
      totalBytes: Type.Number({ minimum: 0, maximum: BYTES_MAX }),
      freeBytes: Type.Number({ minimum: 0, maximum: BYTES_MAX })
    })
  )
})
export type Hardware = Static<typeof Hardware>

export const EngineVersion = Type.Object({
  /** `llama`, `openai`, `sim`. */
  kind: PlainText(32),
  version: PlainText(128)
})
export type EngineVersion = Static<typeof EngineVersion>

export const WorkerReport = Type.Object({
  models: Type.Array(WorkerModel, { maxItems: MODELS_PER_WORKER_MAX }),
  hardware: Type.Optional(Hardware),
  engines: Type.Optional(Type.Array(EngineVersion, { maxItems: ENGINES_MAX })),
  /** Why models run on less than the machine's GPU could do, in a sentence. */
  gpuNote: Type.Optional(PlainText(SENTENCE_MAX)),
  /** What its models may take together; absent: as much as there is. */
  memoryBudget: Type.Optional(Memory),
  /** Digests of the models on its disk that other workers may have from it. */
  weights: Type.Optional(Type.Array(PlainText(64), { maxItems: WEIGHTS_MAX })),
  /** What the owner of the machine says of it; a request may ask for some of them. */
  labels: Asked.properties.labels,
  /** Finishes what runs and takes nothing new: it is stopping, or it is paused. */
  draining: Type.Boolean(),
  /** An operator has told it to take nothing new until it is resumed. */
  paused: Type.Optional(Type.Boolean())
})
export type WorkerReport = Static<typeof WorkerReport>

const WARNINGS_MAX = 16
const WARNING_CHARACTERS_MAX = 1024

/** What does not work although the peer does its work, each in a sentence with its remedy. */
const Warnings = Type.Optional(
  Type.Array(PlainText(WARNING_CHARACTERS_MAX), { maxItems: WARNINGS_MAX })
)

export const PeerReport = Type.Object({
  host: PlainText(256),
  version: PlainText(32),
  /** Of the machine that it runs on. */
  hardware: Type.Optional(
    Type.Object({
      cpus: Type.Integer({ minimum: 0, maximum: COUNT_MAX }),
      memoryBytes: Type.Integer({ minimum: 0, maximum: BYTES_MAX }),
      /** As Node.js names them: `linux-x64`. */
      platform: PlainText(64)
    })
  ),
  /** Present when the peer is a worker. */
  worker: Type.Optional(WorkerReport),
  /** Of an orchestrator: the connected workers that it holds something against, and what. */
  heldAgainst: Type.Optional(
    Type.Array(Type.Object({ worker: PeerKey, reason: PlainText(SENTENCE_MAX) }), {
      maxItems: HELD_AGAINST_MAX
    })
  ),
  warnings: Warnings
})
export type PeerReport = Static<typeof PeerReport>

const Ack = Type.Object({})

/**
 * To every registry and, from workers, to every orchestrator: on connecting, on change, each
 * second.
 */
export const report = defineMethod(
  'peer.report',
  between(
    ['gateway', 'orchestrator', 'worker', 'bridge', 'jobs', 'relay'],
    ['registry', 'orchestrator']
  ),
  PeerReport,
  Ack
)

export const PeerEntry = Type.Object({
  key: PeerKey,
  role: PeerRole,
  /** From its certificate; absent where that names none. */
  name: Type.Optional(Type.String({ maxLength: 64 })),
  host: Type.String(),
  version: Type.String(),
  /** The connection between registry and peer. */
  ...LinkState.properties,
  /** The connections over which it works, as the peers at their other ends measure them. */
  links: Type.Optional(
    Type.Array(Type.Object({ from: PeerKey, ...LinkState.properties }), { maxItems: LINKS_MAX })
  ),
  worker: Type.Optional(WorkerReport),
  heldAgainst: PeerReport.properties.heldAgainst,
  warnings: Warnings
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
  createdAt: Type.Integer({ minimum: 0 }),
  /** True for the one that answers the caller's requests that name none. */
  default: Type.Optional(Type.Boolean())
})
export type ModelEntry = Static<typeof ModelEntry>

export const MeshSnapshot = Type.Object({
  /** The registry's clock, in milliseconds since 1970. */
  now: Type.Optional(Type.Integer({ minimum: 0 })),
  peers: Type.Array(PeerEntry, { maxItems: PEERS_MAX }),
  models: Type.Array(ModelEntry, { maxItems: PEERS_MAX })
})
export type MeshSnapshot = Static<typeof MeshSnapshot>

/** A page of the snapshot; `next` asks for what follows it. */
const SnapshotPage = Type.Object({
  ...MeshSnapshot.properties,
  next: Type.Optional(Type.String({ maxLength: CURSOR_MAX }))
})
export type SnapshotPage = Static<typeof SnapshotPage>

const SnapshotQuery = Type.Object({
  /** Absent: from the beginning. */
  after: Type.Optional(Type.String({ maxLength: CURSOR_MAX })),
  /** Only the models, without the peers. */
  models: Type.Optional(Type.Boolean()),
  /** With the connections over which peers work, asked for now. */
  links: Type.Optional(Type.Boolean())
})
export type SnapshotQuery = Static<typeof SnapshotQuery>

/** A mesh has more to say than a reply can hold: `readRegistry` reads all pages of it. */
export const registryList = defineMethod(
  'registry.list',
  between(['gateway', 'client'], ['registry']),
  SnapshotQuery,
  SnapshotPage
)

const ModelList = Type.Object({ models: Type.Array(ModelEntry, { maxItems: PEERS_MAX }) })

/** The models that the caller may use. */
/** A model of the mesh, as far as another machine has to know it to hold it, too. */
export const SharedModel = Type.Object({
  name: ModelName,
  /** Where on the hub it comes from; absent where only the machines that hold it have it. */
  source: WorkerModel.properties.source,
  sizeBytes: WorkerModel.properties.sizeBytes,
  /** What it takes on a worker that has it in memory. */
  memory: WorkerModel.properties.memory,
  /** How many hold it. */
  workers: Type.Integer({ minimum: 0, maximum: PEERS_MAX })
})
export type SharedModel = Static<typeof SharedModel>

export const SHARED_MODELS_MAX = 256

/** Asked by a machine that joins and has not been told which models to hold. */
export const registryShared = defineMethod(
  'registry.shared',
  between(['worker'], ['registry']),
  Type.Object({}),
  Type.Object({ models: Type.Array(SharedModel, { maxItems: SHARED_MODELS_MAX }) })
)

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
  reason: Type.Optional(PlainText(1024)),
  warnings: Warnings,
  /** The model for requests that name none. */
  defaultModel: Type.Optional(ModelName)
})
export type Readiness = Static<typeof Readiness>
export const gatewayReady = defineMethod('gateway.ready', FROM_CALLERS, Type.Object({}), Readiness)
export const orchestratorReady = defineMethod(
  'orchestrator.ready',
  FROM_GATEWAYS,
  Type.Object({}),
  Readiness
)
