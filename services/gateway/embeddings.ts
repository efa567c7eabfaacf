/** Embeddings through the gateway: let in and counted like any other request of their caller. */
import {
  orchestratorEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/inference/embedding.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { embeddedTokensOf } from './access/estimate.ts'
import type { AdmittedDeps } from './inference.ts'

export async function embedAdmitted(
  { orchestrators, callers }: AdmittedDeps,
  request: EmbedRequest,
  context: ServerContext
): Promise<EmbedReply> {
  const { usageId, tenantId, caller, model, inputs } = request
  const promptTokens = embeddedTokensOf(inputs)
  const wish = { usageId, tenantId, caller, model, promptTokens, maxTokens: 0 }
  using admitted = await callers.admit(context, { kind: 'embed', ...wish })
  const { limits } = admitted.granted
  const granted: EmbedRequest = { ...request, usageId: admitted.usageId }
  delete granted.tenantId
  if (admitted.granted.model !== undefined) granted.model = admitted.granted.model
  if (admitted.tenantId !== undefined) granted.tenantId = admitted.tenantId
  try {
    const reply = await orchestrators.call(orchestratorEmbed, granted, context)
    admitted.embedded(reply)
    return limits === undefined ? reply : { ...reply, limits }
  } catch (error) {
    admitted.failed(error)
    throw error
  }
}
