/**
 * An inference through the peers of one role: when the peer that passes it on is lost in the
 * middle, another one continues it after what has already come.
 */
import { randomUUID } from 'node:crypto'
import { toHaifError } from '#shared/errors.ts'
import type { LimitsState } from '#shared/contracts/access/limits.ts'
import type { TSchema } from 'typebox'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import {
  onWay,
  type InferenceRequest,
  type PermittedRequest
} from '#shared/contracts/inference/request.ts'
import type { gatewayInfer, orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import { forward } from '#shared/kit/forward.ts'
import { SentTokens } from './sent-tokens.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { StreamContract } from '#shared/rpc/contract.ts'
import { itemByItem, ItemBatch } from '#shared/rpc/items.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'

/** Peers that one answer may come through. */
const HOPS_MAX = 4

type AnyRequest = InferenceRequest | PermittedRequest
type AnyContract = StreamContract<TSchema, typeof InferenceItem, typeof InferenceEnd>
type ContractOf<Request extends AnyRequest> = Request extends InferenceRequest
  ? typeof gatewayInfer
  : typeof orchestratorInfer

/** Yields single items. */
export async function* inferThrough(
  pool: PeerPool,
  contract: typeof gatewayInfer,
  request: InferenceRequest,
  context: RequestContext
): AsyncGenerator<InferenceItem, InferenceEnd, void> {
  await using stream = itemByItem(inferBatchesThrough(pool, contract, request, context))
  return yield* stream
}

interface Passing {
  /**
   * Notes what was passed on, so that another peer can go on with it; the caller may read its
   * count.
   */
  sent?: SentTokens
  /** Called with the caller's remaining limits, which a gateway sends before the first item. */
  onLimits?: (limits: LimitsState) => void
}

/** Yields batches as they came, without what a gateway says before them. */
export async function* inferBatchesThrough<Request extends AnyRequest>(
  pool: Pick<PeerPool, 'batches'>,
  contract: ContractOf<Request>,
  given: Request,
  context: RequestContext,
  { sent = new SentTokens(given.sent, given.asked), onLimits = () => {} }: Passing = {}
): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
  const anyContract = contract as AnyContract // one that fits the request, by its type
  let request: AnyRequest = withUsageId(given)
  const { idempotencyKey } = request.handling
  let isFirst = 'charge' in request // what comes from orchestrators is passed on as it is
  let lost: unknown = null
  let way = 0
  const nextRequest = () => withWay(sent.continued(request), way++)
  const added = (batch: ItemBatch<InferenceItem>) => {
    sent.addBatch(batch)
    return batch
  }
  for (let hop = 1; ; hop++) {
    const stream = pool.batches(anyContract, nextRequest, context, idempotencyKey)
    try {
      return yield* forward(stream, (batch) => {
        if (!isFirst) return added(batch)
        isFirst = false
        const { rest, ticket, limits } = withoutPreface(batch)
        if (ticket !== undefined) request = withTicket(request, ticket)
        if (limits !== undefined) onLimits(limits)
        return added(rest)
      })
    } catch (error) {
      // That there is no other peer is a consequence; the caller shall hear the cause.
      if (lost !== null && toHaifError(error).code === 'NO_PEER') throw lost
      if (!isLost(error) || hop >= HOPS_MAX || !sent.canContinue) throw error
      lost = error
    }
  }
}

/** Made here, because from here the request may take several ways, and stays the same one. */
function withUsageId(request: AnyRequest): AnyRequest {
  if (!('charge' in request)) return request
  return { ...request, charge: { usageId: randomUUID(), ...request.charge } }
}

/** Every peer that is asked is one more way, also where one is lost before it has answered. */
function withWay(request: AnyRequest, way: number): AnyRequest {
  return 'charge' in request ? { ...request, charge: onWay(request.charge, way) } : request
}

function withTicket(request: AnyRequest, ticket: string): AnyRequest {
  return 'charge' in request ? { ...request, charge: { ...request.charge, ticket } } : request
}

/** The first batch of a gateway, and what it says before the first item. */
function withoutPreface(batch: ItemBatch<InferenceItem>) {
  const [first, ...others] = batch.items()
  if (first?.ticket === undefined) return { rest: batch }
  const { ticket, limits } = first
  return { rest: ItemBatch.of(itemCodec, others), ticket, limits }
}

/** The peer itself is gone or going; what it says of its own workers is final. */
function isLost(error: unknown): boolean {
  const { code } = toHaifError(error)
  return code === 'PEER_LOST' || code === 'SHUTTING_DOWN'
}
