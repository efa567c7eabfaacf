/** Inference through the gateway: let in, passed on, and counted by what it has used in the end. */
import {
  orchestratorInfer,
  type InferenceEnd,
  type InferenceItem,
  type InferenceRequest
} from '#shared/contracts/inference.ts'
import { inferThrough } from '#shared/mesh/infer-through.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { promptTokensOf } from './access/estimate.ts'
import { grantedRequest } from './admitted-request.ts'
import type { Callers } from './callers.ts'

export async function* inferAdmitted(
  orchestrators: PeerPool,
  callers: Callers,
  request: InferenceRequest,
  context: ServerContext
): AsyncGenerator<InferenceItem, InferenceEnd, void> {
  const { model, tenantId, caller, maxTokens, resume } = request
  const promptTokens = promptTokensOf(request.input)
  const isRest = resume !== undefined
  const asked = { model, tenantId, caller, promptTokens, maxTokens, isRest }
  const admitted = await callers.admit(context, asked)
  const granted = grantedRequest(request, admitted)
  const stream = inferThrough(orchestrators, orchestratorInfer, granted, context)
  let { limits } = admitted
  let used = 0
  try {
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) {
        used = value.usage.promptTokens + value.usage.completionTokens
        return value
      }
      if (used === 0) used = promptTokens // what breaks off before its end has cost that much
      used += value.tokens ?? value.tokenIds.length
      yield limits === undefined ? value : { ...value, limits }
      limits = undefined
    }
  } finally {
    await stream.return(undefined as never) // the caller may have left
    admitted.leave(used)
  }
}
