/**
 * An operator's order to a peer. A gateway that has seen the operator's token signs it, and the
 * peer that it is for checks it: whoever passes it on can neither make one nor use it again.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { EnvironmentAct } from '../functions/environments.ts'
import { ModelAction } from '../http/admin/models.ts'
import { LabelChanges } from '../http/admin/workers.ts'
import { ModelName } from '../inference/model-name.ts'
import { PlainText } from '../plain-text.ts'
import { PeerKey } from './links.ts'

export const Order = Type.Object({
  act: Type.Enum([
    'worker.drain',
    'worker.pause',
    'worker.resume',
    'worker.label',
    'worker.model',
    'worker.environment'
  ]),
  /** The peer that it is for. */
  target: PeerKey,
  /** The target's own, good for one order: so an order needs no clock and is obeyed once. */
  nonce: Type.String({ maxLength: 64 }),
  /** The id of the operator's token, and the request that asked for it, as the audit has them. */
  actor: Type.String({ minLength: 1, maxLength: 128 }),
  requestId: Type.String({ minLength: 1, maxLength: 64 }),
  /** With `worker.label`: merged into those that it has; null takes one away. */
  labels: Type.Optional(LabelChanges),
  /** With `worker.model`. */
  model: Type.Optional(
    Type.Object({
      action: ModelAction,
      /** The name that clients use. */
      name: ModelName,
      /** Where it comes from, where the worker does not have it. */
      uri: Type.Optional(PlainText(512, 1)),
      /** SHA-256 of the model, where the mesh has it: whoever has such a file may give it. */
      digest: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' }))
    })
  ),
  /** With `worker.environment`. */
  environment: Type.Optional(EnvironmentAct)
})
export type Order = Static<typeof Order>
export const orderOf = Compile(Order)

/** What a peer has signed, with its certificate, for those that are not connected to it. */
export const Statement = Type.Object({
  /** JSON: a signature is over its bytes. */
  text: Type.String({ maxLength: 2048 }),
  /** Base64, as the signature. */
  certificate: Type.String({ maxLength: 1024 }),
  signature: Type.String({ maxLength: 88 })
})
export type Statement = Static<typeof Statement>
