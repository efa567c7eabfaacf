/**
 * An operator lets a worker go. The order is in the audit before it is on its way: an act that
 * nobody could see afterwards must not happen.
 */
import type { Order } from '#shared/contracts/peers/order.ts'
import { orchestratorChallenge, orchestratorDrain } from '#shared/contracts/peers/drain.ts'
import { HaifError } from '#shared/errors.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Actor } from './access/access-admin.ts'
import { MESH_CHAIN, type Audit } from './audit/audit.ts'

interface DrainDeps {
  mesh: Pick<Mesh, 'state'>
  orchestrators: Pick<PeerPool, 'call'>
  /** Null: there is no store that it could be kept in. */
  audit: Pick<Audit, 'write'> | null
}

/** `beginning`: of the worker's key. */
export async function drainBy(
  { actor, requestId }: Actor,
  beginning: string,
  { mesh, orchestrators, audit }: DrainDeps,
  context: RequestContext
): Promise<{ worker: string }> {
  const asked = { worker: beginning }
  const { worker, nonce } = await orchestrators.call(orchestratorChallenge, asked, context)
  if (!worker.startsWith(beginning)) {
    throw new HaifError('INTERNAL', `the orchestrator found ${worker} for ${beginning}`)
  }
  const order: Order = { act: 'worker.drain', target: worker, nonce, actor, requestId }
  const statement = mesh.state('order', JSON.stringify(order))
  await audit?.write({
    chain: MESH_CHAIN,
    actor,
    action: order.act,
    target: worker,
    result: 'ok',
    requestId,
    details: { signature: statement.signature }
  })
  await orchestrators.call(orchestratorDrain, { worker, order: statement }, context)
  return { worker }
}
