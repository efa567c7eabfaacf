/** Embeddings through the gateway: counted like any other request of their caller. */
import {
  orchestratorEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/embedding.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { ConcurrencyLimit } from './concurrency.ts'

export async function embedThrough(
  orchestrators: PeerPool,
  limit: ConcurrencyLimit,
  request: EmbedRequest,
  context: ServerContext
): Promise<EmbedReply> {
  const leave = limit.enter(request.tenantId ?? request.caller ?? context.peer.key)
  try {
    return await orchestrators.call(orchestratorEmbed, request, context)
  } finally {
    leave()
  }
}
