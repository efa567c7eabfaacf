/** Counts of prompts through the gateway: limited as requests are, and free of tokens. */
import {
  orchestratorCount,
  type CountReply,
  type CountRequest,
  type PermittedCount
} from '#shared/contracts/inference/count.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { Callers } from './admit.ts'
import type { AdmittedDeps } from './inference.ts'

interface CountDeps extends Pick<AdmittedDeps, 'orchestrators' | 'permits'> {
  callers: Pick<Callers, 'admitUnbooked'>
}

export async function countAdmitted(
  { orchestrators, callers, permits }: CountDeps,
  { asked, charge }: CountRequest,
  context: ServerContext
): Promise<CountReply> {
  using admitted = await callers.admitUnbooked(context, { model: asked.model, charge })
  const permit = permits.write(admitted.permit, context)
  const granted: PermittedCount = { asked: { ...asked }, permit }
  if (admitted.model !== undefined) granted.asked.model = admitted.model
  return await orchestrators.call(orchestratorCount, granted, context)
}
