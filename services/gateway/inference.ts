/** Inference through the gateway: let in, passed on as it comes, and counted by what it has used. */
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import { SentTokens } from '#shared/inference/sent-tokens.ts'
import { inferBatchesThrough } from '#shared/inference/infer-through.ts'
import { forward } from '#shared/kit/forward.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { promptTokensOf } from './access/estimate.ts'
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
  const { usageId, tenantId, caller, model, maxTokens, resume } = request
  const promptTokens = promptTokensOf(request.input)
  const wish = { usageId, tenantId, caller, model, promptTokens, maxTokens }
  const isRest = resume !== undefined
  using admitted = await callers.admit(context, { kind: 'infer', ...wish, isRest })
  const granted = grantedRequest(request, admitted)
  const sent = new SentTokens(resume)
  const seq = sent.count
  const stream = inferBatchesThrough(orchestrators, orchestratorInfer, granted, context, sent)
  let { limits } = admitted.granted
  try {
    const end = yield* forward(stream, (batch) => {
      admitted.passed(batch)
      if (limits === undefined) return batch
      // Not before the first item: what fails until then is an error with a status of its own.
      const first = batch.after({ seq, tokenIds: [], text: '', limits })
      limits = undefined
      return first
    })
    admitted.ended(end)
    return end
  } catch (error) {
    admitted.failed(error)
    throw error
  } finally {
    admitted.sent(newlySent(sent, seq))
  }
}

/** The request that goes on: what its caller wished for, as far as it was granted. */
function grantedRequest(request: InferenceRequest, admitted: AdmittedRequest): InferenceRequest {
  const { usageId, tenantId } = admitted
  const { model, maxTokens, priority, weight } = admitted.granted
  const granted: InferenceRequest = { ...request, maxTokens, usageId }
  delete granted.tenantId
  delete granted.weight // nobody gives itself a larger share
  if (model !== undefined) granted.model = model
  if (priority !== undefined) granted.priority = priority
  if (weight !== undefined) granted.weight = weight
  if (tenantId !== undefined) granted.tenantId = tenantId
  return granted
}

/** Tokens that were passed on here. A peer that sends what nobody can read has given nothing. */
function newlySent(sent: SentTokens, before: number): number {
  try {
    return sent.count - before
  } catch {
    return 0
  }
}
