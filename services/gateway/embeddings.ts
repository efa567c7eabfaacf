/** Embeddings through the gateway: let in and counted like any other request of their caller. */
import {
  orchestratorEmbed,
  type EmbedReply,
  type EmbedRequest,
  type PermittedEmbed
} from '#shared/contracts/inference/embedding.ts'
import { HaifError } from '#shared/errors.ts'
import { embeddingLie } from '#shared/inference/checked-usage.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { embeddedTokensOf } from '#shared/inference/prompt-size.ts'
import type { AdmittedDeps } from './inference.ts'

export async function embedAdmitted(
  { orchestrators, callers, permits }: AdmittedDeps,
  request: EmbedRequest,
  context: ServerContext
): Promise<EmbedReply> {
  const { asked, charge } = request
  const promptTokens = embeddedTokensOf(asked.inputs)
  const { model: wanted } = asked
  const wish = { kind: 'embed', asked, charge, model: wanted, promptTokens, maxTokens: 0 } as const
  await using admitted = await callers.admit(context, wish)
  const { limits, model } = admitted.granted
  const permit = permits.write(admitted.permit, context)
  const granted: PermittedEmbed = { asked: { ...asked }, permit }
  if (model !== undefined) granted.asked.model = model
  try {
    const reply = await orchestrators.call(orchestratorEmbed, granted, context)
    const lie = embeddingLie(asked, reply)
    if (lie !== null) throw new HaifError('WORKER_FAULTY', `the worker gave ${lie}`)
    admitted.embedded(reply)
    const { receipt: _kept, ...told } = reply // for the books
    return limits === undefined ? told : { ...told, limits }
  } catch (error) {
    admitted.failed(error)
    throw error
  }
}
