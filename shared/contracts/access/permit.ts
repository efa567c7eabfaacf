/**
 * A gateway's permit for one request: who is charged, with which share, and for how much. The
 * gateway vouches for it with its mesh key, so that an orchestrator needs no other word for it.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { MAX_TOKENS_MAX } from '../inference/answer.ts'

export const Permit = Type.Object({
  requestId: Type.String({ minLength: 1, maxLength: 64 }),
  /** One for each request of a client, the same on every way it takes. */
  usageId: Type.String({ minLength: 1, maxLength: 64 }),
  /** Whose share of a queue it takes. Without tokens this may be an address. */
  tenant: Type.String({ minLength: 1, maxLength: 128 }),
  /** The tenant's share of a queue. */
  weight: Type.Number({ minimum: 0.01, maximum: 100 }),
  /** The requests with which it may share the cache of a prompt. */
  cacheScope: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  /** Present: the request waits behind interactive ones, whatever it asks for. */
  priority: Type.Optional(Type.Literal('batch')),
  /** Tokens that the answer may have; 0 where there are only vectors. */
  maxTokens: Type.Integer({ minimum: 0, maximum: MAX_TOKENS_MAX }),
  /** Milliseconds since 1970. */
  expiresAt: Type.Integer({ minimum: 0 })
})
export type Permit = Static<typeof Permit>
export const permitOf = Compile(Permit)

/** The permit as JSON, because a seal is over its bytes. */
export const SealedPermit = Type.Object({
  permit: Type.String({ maxLength: 1024 }),
  /** HMAC-SHA256 under the key, base64. */
  seal: Type.String({ maxLength: 44 }),
  /** Signed by the gateway, so that its seals are as good as its signature. */
  key: Type.Object({
    /** Base64. Whoever gets a permit knows it: a seal counts on the gateway's own link only. */
    secret: Type.String({ minLength: 44, maxLength: 44 }),
    expiresAt: Type.Integer({ minimum: 0 }),
    /** Ed25519, base64. */
    signature: Type.String({ maxLength: 88 })
  })
})
export type SealedPermit = Static<typeof SealedPermit>
