/**
 * An inference through the peers of one role: when the peer that passes it on is lost in the middle,
 * another one continues it after what has already come.
 */
import { toHaifError } from '#shared/errors.ts'
import type { InferenceEnd, InferenceItem, InferenceRequest } from '#shared/contracts/inference.ts'
import type { gatewayInfer } from '#shared/contracts/inference.ts'
import { SentTokens } from '#shared/contracts/sent-tokens.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { PeerPool } from './peer-pool.ts'

/** Peers that one answer may come through. */
const HOPS_MAX = 4

export async function* inferThrough(
  pool: PeerPool,
  contract: typeof gatewayInfer, // or the orchestrator's, which has the same shape
  request: InferenceRequest,
  context: RequestContext
): AsyncGenerator<InferenceItem, InferenceEnd, void> {
  const sent = new SentTokens(request.resume)
  let lost: unknown = null
  for (let hop = 1; ; hop++) {
    const stream = pool.stream(contract, sent.continued(request), context, request.idempotencyKey)
    try {
      for (;;) {
        const { done, value } = await stream.next()
        if (done === true) return value
        if (value.limits !== undefined) context.onLimits?.(value.limits)
        sent.add(value)
        yield value
      }
    } catch (error) {
      // That there is no other peer is a consequence; the caller shall hear the cause.
      if (lost !== null && toHaifError(error).code === 'NO_PEER') throw lost
      if (!isLost(error) || hop >= HOPS_MAX) throw error
      lost = error
    } finally {
      await stream.return(undefined as never) // the caller may have left
    }
  }
}

/** The peer itself is gone or going; what it says of its own workers is final. */
function isLost(error: unknown): boolean {
  const { code } = toHaifError(error)
  return code === 'PEER_LOST' || code === 'SHUTTING_DOWN'
}
