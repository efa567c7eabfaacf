/** Embeddings through the gateway: let in and counted like any other request of their caller. */
import { randomUUID } from 'node:crypto'
import {
  orchestratorEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/inference/embedding.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { embeddedTokensOf } from './access/estimate.ts'
import type { AdmittedDeps } from './inference.ts'
import { UsageMeter } from './usage/usage-meter.ts'

export async function embedThrough(
  { orchestrators, callers, usage }: AdmittedDeps,
  request: EmbedRequest,
  context: ServerContext
): Promise<EmbedReply> {
  const { tenantId, caller, usageId = randomUUID() } = request
  const promptTokens = embeddedTokensOf(request.inputs)
  const asked = { model: request.model, tenantId, caller, promptTokens, maxTokens: 0 }
  const admitted = await callers.admit(context, asked)
  const granted: EmbedRequest = { ...request, usageId }
  delete granted.tenantId
  if (admitted.model !== undefined) granted.model = admitted.model
  if (admitted.tenantId !== undefined) granted.tenantId = admitted.tenantId
  const charged = { usageId, requestId: context.requestId, ...admitted.charged }
  const { model } = granted
  const meter = usage === null ? null : new UsageMeter(usage, charged, { kind: 'embed', model })
  let used = 0
  try {
    const reply = await orchestrators.call(orchestratorEmbed, granted, context)
    used = reply.promptTokens
    meter?.embedded(reply)
    return admitted.limits === undefined ? reply : { ...reply, limits: admitted.limits }
  } catch (error) {
    meter?.failed(error)
    throw error
  } finally {
    meter?.record()
    admitted.leave(used)
  }
}
