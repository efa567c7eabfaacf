/**
 * An operator tells a worker something. The order is in the audit before it is on its way: an act
 * that nobody could see afterwards must not happen.
 */
import type { Order } from '#shared/contracts/peers/order.ts'
import {
  orchestratorChallenge,
  orchestratorDrain,
  orchestratorOrder,
  type Obeyed
} from '#shared/contracts/peers/drain.ts'
import { HaifError } from '#shared/errors.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Actor } from '../access/access-admin.ts'
import { MESH_CHAIN, type Audit } from '../audit/audit.ts'

interface OrderDeps {
  mesh: Pick<Mesh, 'state'>
  orchestrators: Pick<PeerPool, 'call'>
  /** Null: there is no store that it could be kept in. */
  audit: Pick<Audit, 'write'> | null
}

type Wish = Pick<Order, 'act' | 'labels' | 'model' | 'environment'>

/** `beginning`: of the worker's key. */
export async function orderWorker(
  actor: Actor,
  beginning: string,
  wish: Wish,
  deps: OrderDeps,
  context: RequestContext
): Promise<Obeyed & { worker: string }> {
  const { orchestrators, mesh, audit } = deps
  const asked = { worker: beginning }
  const { worker, nonce } = await orchestrators.call(orchestratorChallenge, asked, context)
  if (!worker.startsWith(beginning)) {
    throw new HaifError('INTERNAL', `the orchestrator found ${worker} for ${beginning}`)
  }
  const order: Order = { ...wish, target: worker, nonce, ...actor }
  const statement = mesh.state('order', JSON.stringify(order))
  const { act, labels, model, environment } = wish
  const said = {
    ...(labels === undefined ? {} : { labels }),
    ...(model === undefined ? {} : { model }),
    ...(environment === undefined ? {} : { environment })
  }
  await audit?.write({
    chain: MESH_CHAIN,
    ...actor,
    action: model === undefined ? act : `model.${model.action}`,
    target: worker,
    result: 'ok',
    details: { ...said, signature: statement.signature }
  })
  if (act === 'worker.drain') {
    await orchestrators.call(orchestratorDrain, { worker, order: statement }, context)
    return { worker }
  }
  const obeyed = await orchestrators.call(orchestratorOrder, { worker, order: statement }, context)
  return { ...obeyed, worker }
}
