/** Counts of prompts through the gateway: limited as requests are, and free of tokens. */
import {
  orchestratorCount,
  type CountReply,
  type CountRequest,
  type PermittedCount
} from '#shared/contracts/inference/count.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { AdmittedDeps } from './inference.ts'

export async function countAdmitted(
  { orchestrators, callers, permits }: AdmittedDeps,
  { asked, charge }: CountRequest,
  context: ServerContext
): Promise<CountReply> {
  using admitted = await callers.admitUnbooked(context, { model: asked.model, charge })
  const permit = permits.write(admitted.permit, context)
  const granted: PermittedCount = { asked: { ...asked }, permit }
  if (admitted.model !== undefined) granted.asked.model = admitted.model
  return orchestrators.call(orchestratorCount, granted, context)
}
