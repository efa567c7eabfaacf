/**
 * What a jobs service asks of a gateway for the tasks of a tenant: like any request of that tenant,
 * with its limits and in its books. The gateway let the job in; no token is kept for it.
 */
import { Type, type Static } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { InferenceEnd, InferenceItem } from '../inference/answer.ts'
import { EmbedAsked, EmbedReply } from '../inference/embedding.ts'
import { itemCodec } from '../inference/item-codec.ts'
import { Asked, Charge, Handling } from '../inference/request.ts'
import { between } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'

const FROM_JOBS_SERVICES = between(['jobs'], ['gateway'])

export const Behalf = Type.Object({
  tenant: PlainText(128, 1),
  /** The token that the job came with; its own limits hold while it exists. */
  tokenId: Type.Optional(PlainText(64, 1)),
  /** The same for each attempt of a task: an answer that was given is charged once. */
  usageId: Charge.properties.usageId
})
export type Behalf = Static<typeof Behalf>

export const inferOnBehalf = defineStream(
  'gateway.inferOnBehalf',
  FROM_JOBS_SERVICES,
  Type.Object({ behalf: Behalf, asked: Asked, handling: Handling }),
  InferenceItem,
  InferenceEnd,
  itemCodec
)

export const embedOnBehalf = defineMethod(
  'gateway.embedOnBehalf',
  FROM_JOBS_SERVICES,
  Type.Object({ behalf: Behalf, asked: EmbedAsked }),
  EmbedReply,
  { isLarge: true }
)
