/** Embeddings through the gateway: let in and counted like any other request of their caller. */
import {
  orchestratorEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/embedding.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { embeddedTokensOf } from './access/estimate.ts'
import type { Callers } from './callers.ts'

export async function embedThrough(
  orchestrators: PeerPool,
  callers: Callers,
  request: EmbedRequest,
  context: ServerContext
): Promise<EmbedReply> {
  const { model, tenantId, caller } = request
  const promptTokens = embeddedTokensOf(request.inputs)
  const asked = { model, tenantId, caller, promptTokens, maxTokens: 0 }
  const admitted = await callers.admit(context, asked)
  let used = 0
  try {
    const granted: EmbedRequest = { ...request }
    delete granted.tenantId
    if (admitted.model !== undefined) granted.model = admitted.model
    if (admitted.tenantId !== undefined) granted.tenantId = admitted.tenantId
    const reply = await orchestrators.call(orchestratorEmbed, granted, context)
    used = reply.promptTokens
    return admitted.limits === undefined ? reply : { ...reply, limits: admitted.limits }
  } finally {
    admitted.leave(used)
  }
}
