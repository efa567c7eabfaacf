/** Models as operators see them: which worker has which, and what may be done with one there. */
import { Type, type Static } from 'typebox'
import { ModelName } from '../../inference/model-name.ts'
import { PeerKey } from '../../peers/links.ts'
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
