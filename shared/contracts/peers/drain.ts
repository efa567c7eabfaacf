/**
 * How a worker is told something: a gateway asks for the worker's challenge through an
 * orchestrator, which is connected to it, and sends its signed answer the same way.
 */
import { Type, type Static } from 'typebox'
import { ModelName } from '../inference/model-name.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { Statement } from './order.ts'
import { FROM_GATEWAYS, FROM_ORCHESTRATORS } from './parties.ts'
import { PeerKey } from './links.ts'
import { WorkerModel, WorkerReport } from './peers.ts'

const Nonce = Type.String({ minLength: 1, maxLength: 64 })

export const workerChallenge = defineMethod(
  'worker.challenge',
  FROM_ORCHESTRATORS,
  Type.Object({}),
  Type.Object({ nonce: Nonce })
)

/** Take nothing new, finish what runs, and leave the mesh. */
export const workerDrain = defineMethod(
  'worker.drain',
  FROM_ORCHESTRATORS,
  Type.Object({ order: Statement }),
  Type.Object({})
)

/** What the worker has after an order: its labels, or the model that was ordered. */
const Obeyed = Type.Object({
  labels: WorkerReport.properties.labels,
  model: Type.Optional(ModelName),
  state: Type.Optional(WorkerModel.properties.state)
})
export type Obeyed = Static<typeof Obeyed>

/** Any other order. */
export const workerObey = defineMethod(
  'worker.obey',
  FROM_ORCHESTRATORS,
  Type.Object({ order: Statement }),
  Obeyed
)

export const orchestratorOrder = defineMethod(
  'orchestrator.order',
  FROM_GATEWAYS,
  Type.Object({ worker: PeerKey, order: Statement }),
  Obeyed
)

export const orchestratorChallenge = defineMethod(
  'orchestrator.challenge',
  FROM_GATEWAYS,
  /** Its key in hex, or a beginning of it that only one worker has. */
  Type.Object({ worker: Type.String({ pattern: '^[0-9a-f]{4,64}$' }) }),
  Type.Object({ worker: PeerKey, nonce: Nonce })
)

export const orchestratorDrain = defineMethod(
  'orchestrator.drain',
  FROM_GATEWAYS,
  Type.Object({ worker: PeerKey, order: Statement }),
  Type.Object({})
)
