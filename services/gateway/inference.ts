/** Inference through the gateway: let in, passed on as it comes, and counted by what it has used. */
import { randomUUID } from 'node:crypto'
import {
  itemCodec,
  orchestratorInfer,
  type InferenceEnd,
  type InferenceItem,
  type InferenceRequest
} from '#shared/contracts/inference.ts'
import { tokensIn } from '#shared/contracts/sent-tokens.ts'
import { inferBatchesThrough } from '#shared/mesh/infer-through.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { promptTokensOf } from './access/estimate.ts'
import { grantedRequest } from './admitted-request.ts'
import type { Callers } from './callers.ts'
import { metered } from './metered.ts'
import type { UsageRecorder } from './usage-row.ts'

/** About, of one token with its id and text: answers are not read here, and few break off. */
const TOKEN_BYTES = 10

export interface AdmittedDeps {
  orchestrators: PeerPool
  callers: Callers
  /** Null: what requests cost is not recorded. */
  usage: UsageRecorder | null
}

export async function* inferAdmitted(
  { orchestrators, callers, usage }: AdmittedDeps,
  request: InferenceRequest,
  context: ServerContext
): AsyncGenerator<InferenceItem | ItemBatch<InferenceItem>, InferenceEnd, void> {
  const { model, tenantId, caller, maxTokens, resume, usageId = randomUUID() } = request
  const promptTokens = promptTokensOf(request.input)
  const isRest = resume !== undefined
  const asked = { model, tenantId, caller, promptTokens, maxTokens, isRest }
  const admitted = await callers.admit(context, asked)
  const granted = grantedRequest({ ...request, usageId }, admitted)
  const batches = inferBatchesThrough(orchestrators, orchestratorInfer, granted, context)
  const { requestId } = context
  const charged = { usageId, requestId, ...admitted.charged }
  const stream = usage === null ? batches : metered(batches, granted, charged, usage)
  const seq = resume === undefined ? 0 : tokensIn(resume)
  let { limits } = admitted
  let bytes = 0
  let used: number | null = null
  try {
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) {
        used = usedBy(value)
        return value
      }
      bytes += value.bytes(itemCodec).length
      // Not before the first item: what fails until then is told as an error, with its own status.
      if (limits !== undefined) yield { seq, tokenIds: [], text: '', limits }
      limits = undefined
      yield value
    }
  } finally {
    await stream.return(undefined as never) // the caller may have left
    admitted.leave(used ?? brokenOff(promptTokens, bytes))
  }
}

/** What was given before and is read again costs nothing. */
const usedBy = ({ usage, repeated }: InferenceEnd): number =>
  repeated === true ? 0 : usage.promptTokens + usage.completionTokens

/** What an answer has cost that did not come to its end. */
const brokenOff = (promptTokens: number, bytes: number): number =>
  bytes === 0 ? 0 : promptTokens + Math.ceil(bytes / TOKEN_BYTES)
