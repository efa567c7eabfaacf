/**
 * How a worker is told to leave: a gateway asks for the worker's challenge through an orchestrator,
 * which is connected to it, and sends its signed answer the same way.
 */
import { Type } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { Statement } from './order.ts'
import { FROM_GATEWAYS, FROM_ORCHESTRATORS } from './parties.ts'
import { PeerKey } from './links.ts'

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
