/**
 * An inference through the peers of one role: when the peer that passes it on is lost in the
 * middle, another one continues it after what has already come.
 */
import { randomUUID } from 'node:crypto'
import { toHaifError } from '#shared/errors.ts'
import type { LimitsState } from '#shared/contracts/access/limits.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import type { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { forward } from '#shared/kit/forward.ts'
import { SentTokens } from './sent-tokens.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { itemByItem, type ItemBatch } from '#shared/rpc/items.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'

/** Peers that one answer may come through. */
const HOPS_MAX = 4

type Contract = typeof gatewayInfer // or the orchestrator's, which has the same shape

/** Yields single items, without the one that carries the caller's limits. */
export async function* inferThrough(
  pool: PeerPool,
  contract: Contract,
  request: InferenceRequest,
  context: RequestContext
): AsyncGenerator<InferenceItem, InferenceEnd, void> {
  await using stream = itemByItem(inferBatchesThrough(pool, contract, request, context))
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return value
    if (value.limits === undefined) yield value
  }
}

interface Passing {
  /**
   * Notes what was passed on, so that another peer can go on with it; the caller may read its
   * count.
   */
  sent?: SentTokens
  /** Called with the caller's remaining limits, which a gateway sends with the first item. */
  onLimits?: (limits: LimitsState) => void
}

/** Yields batches as they came. */
export async function* inferBatchesThrough(
  pool: Pick<PeerPool, 'batches'>,
  contract: Contract,
  given: InferenceRequest,
  context: RequestContext,
  { sent = new SentTokens(given.sent, given.asked), onLimits }: Passing = {}
): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
  // Made here, because from here the request may take several ways and is charged once.
  const { usageId = randomUUID() } = given.charge
  const request = { ...given, charge: { ...given.charge, usageId } }
  const { idempotencyKey } = request.handling
  let isFirst = true
  let lost: unknown = null
  for (let hop = 1; ; hop++) {
    const stream = pool.batches(contract, sent.continued(request), context, idempotencyKey)
    try {
      return yield* forward(stream, (batch) => {
        if (isFirst && onLimits !== undefined) reportLimits(batch, onLimits)
        isFirst = false
        sent.addBatch(batch)
        return batch
      })
    } catch (error) {
      // That there is no other peer is a consequence; the caller shall hear the cause.
      if (lost !== null && toHaifError(error).code === 'NO_PEER') throw lost
      if (!isLost(error) || hop >= HOPS_MAX || !sent.canContinue) throw error
      lost = error
    }
  }
}

function reportLimits(
  batch: ItemBatch<InferenceItem>,
  onLimits: (limits: LimitsState) => void
): void {
  for (const { limits } of batch.items()) if (limits !== undefined) onLimits(limits)
}

/** The peer itself is gone or going; what it says of its own workers is final. */
function isLost(error: unknown): boolean {
  const { code } = toHaifError(error)
  return code === 'PEER_LOST' || code === 'SHUTTING_DOWN'
}
