/**
 * Inference through the gateway: let in, passed on as it comes, and counted by what it has used.
 */
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import {
  inputTexts,
  type InferenceRequest,
  type PermittedRequest
} from '#shared/contracts/inference/request.ts'
import { orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import { takeAttempts } from '#shared/inference/told-attempts.ts'
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
import type { Permits } from './permits.ts'

export interface AdmittedDeps {
  orchestrators: Pick<PeerPool, 'batches' | 'call'>
  callers: Pick<Callers, 'admit'>
  permits: Pick<Permits, 'write'>
}

export async function* inferAdmitted(
  { orchestrators, callers, permits }: AdmittedDeps,
  request: InferenceRequest,
  context: ServerContext
): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
  const { asked, charge } = request
  const { model, maxTokens } = asked
  const promptTokens = promptTokensOf(asked.input)
  const isRest = request.sent !== undefined
  const prompt = () => inputTexts(asked.input).join('\n')
  const wish = {
    kind: 'infer',
    asked,
    charge,
    model,
    prompt,
    promptTokens,
    maxTokens,
    isRest
  } as const
  await using admitted = await callers.admit(context, wish)
  const permit = permits.write(admitted.permit, context)
  const granted = { ...grantedRequest(request, admitted), permit }
  const sent = new SentTokens(request.sent, granted.asked)
  const seq = sent.count
  const stream = inferBatchesThrough(orchestrators, orchestratorInfer, granted, context, {
    sent
  })
  admitted.countsSent(() => newlySent(sent, seq))
  let isFirst = true
  try {
    const said = yield* forward(stream, (batch) => {
      admitted.passed(batch)
      if (!isFirst) return batch
      isFirst = false
      // Not before the first item: what fails until then is an error with a status of its own.
      return batch.after({ seq, tokenIds: [], text: '', ...prefaceOf(admitted) })
    })
    const end = grossUsage(said, granted.asked)
    admitted.ended(end)
    const { receipt: _kept, tries: _tries, ...told } = end // for the books
    return told
  } catch (failure) {
    const { error, tries } = takeAttempts(failure)
    admitted.failed(error, tries)
    throw error
  }
}

/** The request that goes on: what its caller wished for, as far as it was granted. */
function grantedRequest(
  { asked: wished, handling, sent }: InferenceRequest,
  admitted: AdmittedRequest
): Omit<PermittedRequest, 'permit'> {
  const { model, maxTokens } = admitted.granted
  const asked = { ...wished, maxTokens }
  if (model !== undefined) asked.model = model
  return sent === undefined ? { asked, handling } : { asked, handling, sent }
}

/** What the caller learns before the first item. */
function prefaceOf(admitted: AdmittedRequest): Pick<InferenceItem, 'ticket' | 'limits'> {
  const ticket = admitted.ticket()
  const { limits } = admitted.granted
  return limits === undefined ? { ticket } : { ticket, limits }
}

/** Tokens that were passed on here. A peer that sends what nobody can read has given nothing. */
function newlySent(sent: SentTokens, before: number): number {
  try {
    return sent.count - before
  } catch {
    return 0
  }
}
