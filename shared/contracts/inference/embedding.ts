/**
 * Texts to vectors, from the bridge to the engine. A call and not a stream, as its answer is whole
 * or useless; it changes nothing, so every hop may try another peer.
 */
import { Type, type Static } from 'typebox'
import { LimitsState } from '../access/limits.ts'
import { SealedPermit } from '../access/permit.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { USAGE_TOKENS_MAX } from './answer.ts'
import { TEXT_CHARACTERS_MAX } from './chat.ts'
import { Asked, Charge } from './request.ts'
import { ModelName } from './model-name.ts'
import { SignedReceipt } from './receipt.ts'
import { FROM_CALLERS, FROM_GATEWAYS, FROM_ORCHESTRATORS } from '../peers/parties.ts'

const EMBED_INPUTS_MAX = 256
export const INPUT_TOKENS_MAX = 131_072
export const VECTOR_SIZE_MAX = 8192
const VECTOR_CHARACTERS_MAX = Math.ceil((VECTOR_SIZE_MAX * 4) / 3) * 4

export const EmbedAsked = Type.Object({
  /** Absent: the mesh's default model. */
  model: Type.Optional(ModelName),
  /** Texts, or ids of the model's own tokens. */
  inputs: Type.Array(
    Type.Union([
      Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX }),
      Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1, maxItems: INPUT_TOKENS_MAX })
    ]),
    { minItems: 1, maxItems: EMBED_INPUTS_MAX }
  ),
  /** Labels that the worker must have. */
  labels: Asked.properties.labels,
  /** Keys of the workers of which one must answer. */
  workers: Asked.properties.workers
})
export type EmbedAsked = Static<typeof EmbedAsked>

/** In parts like an inference. There is nothing to handle or to continue. */
export const EmbedRequest = Type.Object({ asked: EmbedAsked, charge: Charge })
export type EmbedRequest = Static<typeof EmbedRequest>

export const PermittedEmbed = Type.Object({ asked: EmbedAsked, permit: SealedPermit })
export type PermittedEmbed = Static<typeof PermittedEmbed>

export const EmbedReply = Type.Object({
  /** The model that answered, under the name that clients use. */
  model: ModelName,
  /** The engine that ran it. */
  provider: Type.String({ maxLength: 32 }),
  /** One for each input, of length 1: 32-bit little-endian floats in base64. */
  vectors: Type.Array(Type.String({ maxLength: VECTOR_CHARACTERS_MAX }), {
    maxItems: EMBED_INPUTS_MAX
  }),
  promptTokens: Type.Integer({ minimum: 0, maximum: USAGE_TOKENS_MAX }),
  receipt: Type.Optional(SignedReceipt),
  /** Set by the orchestrator: the worker that answered. */
  worker: Type.Optional(Type.String({ maxLength: 64 })),
  /** Set by the gateway: what is left of the caller's limits. */
  limits: Type.Optional(LimitsState)
})
export type EmbedReply = Static<typeof EmbedReply>

/** Many texts at once. */
const LARGE = { isLarge: true }

export const gatewayEmbed = defineMethod(
  'gateway.embed',
  FROM_CALLERS,
  EmbedRequest,
  EmbedReply,
  LARGE
)
export const orchestratorEmbed = defineMethod(
  'orchestrator.embed',
  FROM_GATEWAYS,
  PermittedEmbed,
  EmbedReply,
  LARGE
)
/** A worker does not learn whom it is for. */
export const EmbedAttempt = Type.Object({ asked: EmbedAsked })
export type EmbedAttempt = Static<typeof EmbedAttempt>
export const workerEmbed = defineMethod(
  'worker.embed',
  FROM_ORCHESTRATORS,
  EmbedAttempt,
  EmbedReply,
  LARGE
)
