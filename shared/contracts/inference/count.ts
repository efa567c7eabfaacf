/**
 * The tokens of a prompt, counted by a worker that has its model, from the bridge to the engine. A
 * call as embeddings are; it makes nothing, costs no tokens and stands in no books.
 */
import { Type, type Static } from 'typebox'
import { SealedPermit } from '../access/permit.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { USAGE_TOKENS_MAX } from './answer.ts'
import { Asked, Charge } from './request.ts'
import { FROM_CALLERS, FROM_GATEWAYS, FROM_ORCHESTRATORS } from '../peers/parties.ts'

/** What would be asked, so that it is rendered as it would be. */
export const CountRequest = Type.Object({ asked: Asked, charge: Charge })
export type CountRequest = Static<typeof CountRequest>

export const PermittedCount = Type.Object({ asked: Asked, permit: SealedPermit })
export type PermittedCount = Static<typeof PermittedCount>

export const CountReply = Type.Object({
  promptTokens: Type.Integer({ minimum: 0, maximum: USAGE_TOKENS_MAX })
})
export type CountReply = Static<typeof CountReply>

/** As large as what it counts. */
const LARGE = { isLarge: true }

export const gatewayCount = defineMethod(
  'gateway.count',
  FROM_CALLERS,
  CountRequest,
  CountReply,
  LARGE
)
export const orchestratorCount = defineMethod(
  'orchestrator.count',
  FROM_GATEWAYS,
  PermittedCount,
  CountReply,
  LARGE
)
/** A worker does not learn whom it is for. */
export const CountAttempt = Type.Object({ asked: Asked })
export type CountAttempt = Static<typeof CountAttempt>
export const workerCount = defineMethod(
  'worker.count',
  FROM_ORCHESTRATORS,
  CountAttempt,
  CountReply,
  LARGE
)
