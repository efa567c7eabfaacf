/** The request that goes on: what its caller wished for, as far as it was granted. */
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import type { AdmittedCaller } from './admit.ts'

export function grantedRequest(
  request: InferenceRequest,
  { model, maxTokens, priority, weight, tenantId }: AdmittedCaller
): InferenceRequest {
  const granted: InferenceRequest = { ...request, maxTokens }
  delete granted.tenantId
  delete granted.weight // nobody gives itself a larger share
  if (model !== undefined) granted.model = model
  if (priority !== undefined) granted.priority = priority
  if (weight !== undefined) granted.weight = weight
  if (tenantId !== undefined) granted.tenantId = tenantId
  return granted
}
