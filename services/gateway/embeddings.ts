/** Embeddings through the gateway: let in and counted like any other request of their caller. */
import { randomUUID } from 'node:crypto'
import {
  orchestratorEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/embedding.ts'
import { toHaifError } from '#shared/errors.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { embeddedTokensOf } from './access/estimate.ts'
import type { AdmittedDeps } from './inference.ts'
import { begunRow, SYSTEM_CLOCKS, type Charged } from './metered.ts'
import type { UsageRecorder, UsageRow } from './usage-row.ts'

export async function embedThrough(
  { orchestrators, callers, usage }: AdmittedDeps,
  request: EmbedRequest,
  context: ServerContext
): Promise<EmbedReply> {
  const { model, tenantId, caller, usageId = randomUUID() } = request
  const promptTokens = embeddedTokensOf(request.inputs)
  const asked = { model, tenantId, caller, promptTokens, maxTokens: 0 }
  const admitted = await callers.admit(context, asked)
  let used = 0
  try {
    const granted: EmbedRequest = { ...request, usageId }
    delete granted.tenantId
    if (admitted.model !== undefined) granted.model = admitted.model
    if (admitted.tenantId !== undefined) granted.tenantId = admitted.tenantId
    const { requestId } = context
    const charged = { usageId, requestId, ...admitted.charged }
    const ask = () => orchestrators.call(orchestratorEmbed, granted, context)
    const reply = await (usage === null
      ? ask()
      : recorded(ask, granted.model ?? '', charged, usage))
    used = reply.promptTokens
    return admitted.limits === undefined ? reply : { ...reply, limits: admitted.limits }
  } finally {
    admitted.leave(used)
  }
}

async function recorded(
  ask: () => Promise<EmbedReply>,
  model: string,
  charged: Charged,
  usage: UsageRecorder
): Promise<EmbedReply> {
  const row = begunRow(charged, model, 'embed', SYSTEM_CLOCKS)
  const begunAt = SYSTEM_CLOCKS.now()
  try {
    const reply = await ask()
    addReply(row, reply)
    return reply
  } catch (error) {
    row.error_code = toHaifError(error).code
    throw error
  } finally {
    row.duration_ms = SYSTEM_CLOCKS.now() - begunAt
    row.ended_at = new Date(SYSTEM_CLOCKS.date()).toISOString()
    usage.record(row)
  }
}

function addReply(row: UsageRow, { model, worker, promptTokens }: EmbedReply): void {
  Object.assign(row, {
    model,
    worker: worker ?? null,
    prompt_tokens: promptTokens,
    attempts: 1,
    finish_reason: 'stop'
  } satisfies Partial<UsageRow>)
}
