/**
 * Inference through the gateway: let in, passed on as it comes, and counted by what it has used.
 */
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import { SentTokens } from '#shared/inference/failover/sent-tokens.ts'
import { inferBatchesThrough } from '#shared/inference/failover/infer-through.ts'
import { forward } from '#shared/kit/forward.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { grossUsage } from '#shared/inference/checked-usage.ts'
import { promptTokensOf } from '#shared/inference/prompt-size.ts'
import type { Callers } from './admit.ts'
import type { AdmittedRequest } from './admitted-request.ts'

export interface AdmittedDeps {
  orchestrators: Pick<PeerPool, 'batches' | 'call'>
  callers: Callers
}

export async function* inferAdmitted(
  { orchestrators, callers }: AdmittedDeps,
  request: InferenceRequest,
  context: ServerContext
): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
  const { asked, charge } = request
  const { model, maxTokens } = asked
  const promptTokens = promptTokensOf(asked.input)
  const isRest = request.sent !== undefined
  const wish = { kind: 'infer', charge, model, promptTokens, maxTokens, isRest } as const
  using admitted = await callers.admit(context, wish)
  const granted = grantedRequest(request, admitted)
  const sent = new SentTokens(request.sent, granted.asked)
  const seq = sent.count
  const stream = inferBatchesThrough(orchestrators, orchestratorInfer, granted, context, {
    sent
  })
  admitted.countsSent(() => newlySent(sent, seq))
  let { limits } = admitted.granted
  try {
    const said = yield* forward(stream, (batch) => {
      admitted.passed(batch)
      if (limits === undefined) return batch
      // Not before the first item: what fails until then is an error with a status of its own.
      const first = batch.after({ seq, tokenIds: [], text: '', limits })
      limits = undefined
      return first
    })
    const end = grossUsage(said, granted.asked)
    admitted.ended(end)
    return end
  } catch (error) {
    admitted.failed(error)
    throw error
  }
}

/** The request that goes on: what its caller wished for, as far as it was granted. */
function grantedRequest(request: InferenceRequest, admitted: AdmittedRequest): InferenceRequest {
  const { model, maxTokens, priority } = admitted.granted
  const asked = { ...request.asked, maxTokens }
  if (model !== undefined) asked.model = model
  const handling = { ...request.handling }
  if (priority !== undefined) handling.priority = priority
  return { ...request, asked, handling, charge: admitted.charge }
}

/** Tokens that were passed on here. A peer that sends what nobody can read has given nothing. */
function newlySent(sent: SentTokens, before: number): number {
  try {
    return sent.count - before
  } catch {
    return 0
  }
}
