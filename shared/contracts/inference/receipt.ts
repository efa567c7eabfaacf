/**
 * A worker's receipt for one attempt: what it computed, for which request and when. It is signed
 * with the worker's mesh key and kept with the usage, so that whoever reads the books can see that
 * they say what the workers have said.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { ModelName } from './model-name.ts'

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const Receipt = Type.Object({
  /** One for each attempt. */
  id: Type.String({ minLength: 1, maxLength: 64 }),
  requestId: Type.String({ minLength: 1, maxLength: 64 }),
  /** Public key, hex. */
  worker: Type.String({ minLength: 64, maxLength: 64 }),
  model: ModelName,
  /** SHA-256 of the model's file; absent where the worker does not know it. */
  digest: Type.Optional(Type.String({ maxLength: 64 })),
  /** As the worker counts. It is compared with the books, and nothing is charged by it. */
  promptTokens: Count,
  completionTokens: Count,
  /** Milliseconds since 1970, by the clock of the worker. */
  startedAt: Count,
  endedAt: Count
})
export type Receipt = Static<typeof Receipt>
export const receiptOf = Compile(Receipt)

/** The receipt as JSON, because a signature is over its bytes. */
export const SignedReceipt = Type.Object({
  receipt: Type.String({ maxLength: 2048 }),
  /** Ed25519, base64. */
  signature: Type.String({ maxLength: 88 })
})
export type SignedReceipt = Static<typeof SignedReceipt>
