/** Inference through the gateway: let in, passed on as it comes, and counted by what it has used. */
import { randomUUID } from 'node:crypto'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import { SentTokens, tokensIn } from '#shared/inference/sent-tokens.ts'
import { inferBatchesThrough } from '#shared/inference/infer-through.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { promptTokensOf } from './access/estimate.ts'
import { grantedRequest } from './admitted-request.ts'
import type { Callers } from './admit.ts'
import { UsageMeter } from './usage/usage-meter.ts'
import type { UsageRecorder } from './usage/usage-row.ts'

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
): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
  const { tenantId, caller, maxTokens, resume, usageId = randomUUID() } = request
  const promptTokens = promptTokensOf(request.input)
  const isRest = resume !== undefined
  const asked = { model: request.model, tenantId, caller, promptTokens, maxTokens, isRest }
  const admitted = await callers.admit(context, asked)
  const granted = grantedRequest({ ...request, usageId }, admitted)
  const { requestId } = context
  const charged = { usageId, requestId, ...admitted.charged }
  const { model } = granted
  const meter = usage === null ? null : new UsageMeter(usage, charged, { kind: 'infer', model })
  const stream = inferBatchesThrough(orchestrators, orchestratorInfer, granted, context)
  const sent = new SentTokens()
  const seq = resume === undefined ? 0 : tokensIn(resume)
  let { limits } = admitted
  let used: number | null = null
  try {
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) {
        used = usedBy(value)
        meter?.ended(value)
        return value
      }
      sent.addBatch(value)
      meter?.passed(value)
      // Not before the first item: what fails until then is told as an error, with its own status.
      yield limits === undefined ? value : value.after({ seq, tokenIds: [], text: '', limits })
      limits = undefined
    }
  } catch (error) {
    meter?.failed(error)
    throw error
  } finally {
    await stream.return(undefined as never) // the caller may have left
    meter?.record(() => countOf(sent))
    admitted.leave(used ?? brokenOff(promptTokens, countOf(sent)))
  }
}

/** What was given before and is read again costs nothing. */
const usedBy = ({ usage, repeated }: InferenceEnd): number =>
  repeated === true ? 0 : usage.promptTokens + usage.completionTokens

/** A peer that sends what nobody can read has given nothing. */
function countOf(sent: SentTokens): number {
  try {
    return sent.count
  } catch {
    return 0
  }
}

/** What an answer has cost that did not come to its end. */
const brokenOff = (promptTokens: number, sent: number): number =>
  sent === 0 ? 0 : promptTokens + sent
