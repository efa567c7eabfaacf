/** Embeddings through the gateway: counted like any other request of their caller. */
import { randomUUID } from 'node:crypto'
import {
  orchestratorEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/embedding.ts'
import { toHaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { ConcurrencyLimit } from './concurrency.ts'
import { begunRow, SYSTEM_CLOCKS } from './metered.ts'
import type { UsageRecorder, UsageRow } from './usage-row.ts'

export interface EmbedDeps {
  orchestrators: PeerPool
  limit: ConcurrencyLimit
  /** Null: what requests cost is not recorded. */
  usage: UsageRecorder | null
}

export async function embedThrough(
  { orchestrators, limit, usage }: EmbedDeps,
  request: EmbedRequest,
  context: ServerContext
): Promise<EmbedReply> {
  const tenant = request.tenantId ?? request.caller ?? context.peer.key
  const leave = limit.enter(tenant)
  const row = begunRow(
    {
      usageId: request.usageId ?? randomUUID(),
      requestId: context.requestId,
      tenantId: tenant,
      tokenId: null
    },
    request.model ?? '',
    'embed',
    SYSTEM_CLOCKS
  )
  const begunAt = SYSTEM_CLOCKS.now()
  try {
    const reply = await orchestrators.call(orchestratorEmbed, request, context)
    addReply(row, reply)
    return reply
  } catch (error) {
    row.error_code = toHaifError(error).code
    throw error
  } finally {
    leave()
    row.duration_ms = SYSTEM_CLOCKS.now() - begunAt
    row.ended_at = new Date(SYSTEM_CLOCKS.date()).toISOString()
    usage?.record(row)
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
