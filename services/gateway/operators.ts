/**
 * What operators ask a gateway: each answer needs their scope, and each change leaves its audit.
 */
import {
  accessState,
  createToken,
  deleteTenant,
  drainWorker,
  listAudit,
  listTenants,
  listTokens,
  identify,
  readUsage,
  revokeToken,
  rotateToken,
  setTenant,
  verifyAudit
} from '#shared/contracts/access/access.ts'
import { orchestratorDrain } from '#shared/contracts/peers/peers.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { Access } from './access/access.ts'
import type { Actor } from './access/access-admin.ts'
import { MESH_CHAIN } from './audit/audit.ts'
import { chargedTenant, may } from './access/principal.ts'
import { sumUsage } from './usage/usage-sums.ts'
import { answerMemberOperators } from './member-operators.ts'
import { RefusalAudit } from './audit/refusal-audit.ts'

interface AdminDeps {
  router: Router
  access: Access
  orchestrators: () => PeerPool
  registries: () => PeerPool
}

export function answerOperators({ router, access, orchestrators, registries }: AdminDeps): void {
  const refusals = new RefusalAudit(access)

  const operator = async (context: ServerContext, action: string): Promise<Actor> => {
    const principal = await access.authenticate(context)
    await refusals.assertOperator(principal, action, context.requestId)
    return { actor: principal.actor, requestId: context.requestId }
  }

  answerMemberOperators({ router, access, registries, operator })
  router
    .respond(createToken, async (wish, context) => {
      const actor = await operator(context, 'token.create')
      return access.stored.admin.createToken(wish, actor)
    })
    .respond(listTokens, async (_request, context) => {
      await operator(context, 'token.list')
      return { tokens: await access.stored.admin.listTokens() }
    })
    .respond(revokeToken, async ({ id }, context) => {
      const actor = await operator(context, 'token.revoke')
      return access.stored.admin.revokeToken(id, actor)
    })
    .respond(rotateToken, async ({ id }, context) => {
      const actor = await operator(context, 'token.rotate')
      return access.stored.admin.rotateToken(id, actor)
    })
    .respond(setTenant, async (wish, context) => {
      const actor = await operator(context, 'tenant.set')
      return access.stored.admin.setTenant(wish, actor)
    })
    .respond(listTenants, async (_request, context) => {
      await operator(context, 'tenant.list')
      return { tenants: await access.stored.admin.listTenants() }
    })
    .respond(deleteTenant, async ({ id }, context) => {
      const actor = await operator(context, 'tenant.delete')
      return access.stored.admin.deleteTenant(id, actor)
    })
    .respond(listAudit, async (query, context) => {
      await operator(context, 'audit.list')
      return access.stored.audit.list(query)
    })
    .respond(verifyAudit, async (_request, context) => {
      await operator(context, 'audit.verify')
      return access.stored.audit.verify()
    })
    .respond(readUsage, async (query, context) => {
      const principal = await access.authenticate(context)
      const isOperator = may(principal, 'operator')
      const tenant = isOperator ? (query.tenant ?? null) : chargedTenant(principal, query.tenant)
      return { rows: await sumUsage(access.stored.store, query, tenant) }
    })
    .respond(identify, async ({ capability }, context) => {
      const principal = await access.authenticate(context)
      await refusals.assert(principal, capability, `${capability}.use`, context.requestId)
      const { tenant, tokenId } = principal
      return tokenId === undefined ? { tenant } : { tenant, tokenId }
    })
    .respond(accessState, async () => ({ tokensNeeded: await access.tokensNeeded() }))
    .respond(drainWorker, async ({ worker }, context) => {
      const principal = await access.authenticate(context)
      // Without tokens the members of a mesh trust each other.
      const isMember = principal.tokenId === undefined && !(await access.tokensNeeded())
      if (!isMember) await refusals.assertOperator(principal, 'worker.drain', context.requestId)
      const actor = isMember ? `peer ${context.peer.key.slice(0, 16)}` : principal.actor
      const drained = await orchestrators().call(orchestratorDrain, { worker }, context)
      await access.audit?.write({
        chain: MESH_CHAIN,
        actor,
        action: 'worker.drain',
        target: drained.worker,
        result: 'ok',
        requestId: context.requestId
      })
      return drained
    })
}
