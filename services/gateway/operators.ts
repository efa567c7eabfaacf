/**
 * What operators ask a gateway: each answer needs their scope, and each change leaves its audit.
 */
import {
  accessState,
  createToken,
  deleteTenant,
  listAudit,
  listTenants,
  listTokens,
  identify,
  patchTenant,
  patchToken,
  readUsage,
  revokeToken,
  rotateToken,
  setTenant,
  verifyAudit,
  verifyUsage
} from '#shared/contracts/access/access.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { Access } from './access/access.ts'
import type { Actor } from './access/access-admin.ts'
import { chargedTenant, may } from './access/principal.ts'
import { sumUsage } from './usage/usage-sums.ts'
import { findDisagreements } from './usage/verify-usage.ts'
import { answerCancel } from './operating/cancel-request.ts'
import { answerOperating } from './operating/operating.ts'
import { answerSettings, type OperatedSettings } from './operating/settings.ts'
import { answerMemberOperators } from './member-operators.ts'
import { RefusalAudit } from './audit/refusal-audit.ts'

interface AdminDeps {
  router: Router
  access: Access
  mesh: () => Mesh
  orchestrators: () => PeerPool
  registries: () => PeerPool
  settings: OperatedSettings
}

export function answerOperators(deps: AdminDeps): void {
  const { router, access, mesh, orchestrators, registries } = deps
  const refusals = new RefusalAudit(access)

  const operator = async (context: ServerContext, action: string): Promise<Actor> => {
    const principal = await access.authenticate(context)
    await refusals.assertOperator(principal, action, context.requestId)
    return { actor: principal.actor, requestId: context.requestId }
  }

  /** Reads, and changes nothing. */
  const observer = async (context: ServerContext, action: string): Promise<Actor> => {
    const principal = await access.authenticate(context)
    await refusals.assert(principal, 'observer', action, context.requestId)
    return { actor: principal.actor, requestId: context.requestId }
  }

  answerOperating({ router, access, refusals, mesh, orchestrators, registries })
  answerSettings({ router, access, settings: deps.settings, operator, observer })
  answerCancel({ router, access, mesh, operator })
  answerPatches({ router, access, operator })
  answerMemberOperators({ router, access, registries, operator, observer })
  router
    .respond(createToken, async (wish, context) => {
      const actor = await operator(context, 'token.create')
      return access.stored.admin.createToken(wish, actor)
    })
    .respond(listTokens, async (_request, context) => {
      await observer(context, 'token.list')
      const tokens = await access.stored.admin.listTokens()
      return { tokens: tokens.map((token) => access.admission.withUse('token', token)) }
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
      await observer(context, 'tenant.list')
      const tenants = await access.stored.admin.listTenants()
      return { tenants: tenants.map((tenant) => access.admission.withUse('tenant', tenant)) }
    })
    .respond(deleteTenant, async ({ id }, context) => {
      const actor = await operator(context, 'tenant.delete')
      return access.stored.admin.deleteTenant(id, actor)
    })
    .respond(listAudit, async (query, context) => {
      await observer(context, 'audit.list')
      return access.stored.audit.list(query)
    })
    .respond(verifyAudit, async (_request, context) => {
      await observer(context, 'audit.verify')
      return access.stored.audit.verify()
    })
    .respond(readUsage, async (query, context) => {
      const principal = await access.authenticate(context)
      const seesAll = may(principal, 'observer')
      const tenant = seesAll ? (query.tenant ?? null) : chargedTenant(principal, query.tenant)
      return { rows: await sumUsage(access.stored.store, query, tenant) }
    })
    .respond(verifyUsage, async (query, context) => {
      await operator(context, 'usage.verify')
      return findDisagreements(access.stored.store, query)
    })
    .respond(identify, async ({ capability }, context) => {
      const principal = await access.authenticate(context)
      await refusals.assert(principal, capability, `${capability}.use`, context.requestId)
      const { tenant, tokenId } = principal
      return tokenId === undefined ? { tenant } : { tenant, tokenId }
    })
    .respond(accessState, async () => ({ tokensNeeded: await access.tokensNeeded() }))
}

interface PatchDeps extends Pick<AdminDeps, 'router' | 'access'> {
  operator: (context: ServerContext, action: string) => Promise<Actor>
}

function answerPatches({ router, access, operator }: PatchDeps): void {
  router
    .respond(patchTenant, async (patch, context) => {
      const actor = await operator(context, 'tenant.set')
      return access.stored.admin.patchTenant(patch, actor)
    })
    .respond(patchToken, async (patch, context) => {
      const actor = await operator(context, 'token.set')
      return access.stored.admin.patchToken(patch, actor)
    })
}
