/** Who the caller is, for `GET /v1/me`. */
import type { Me } from '#shared/contracts/http/admin/me.ts'
import type { Access } from '../access/access.ts'
import { allowedModels } from '../access/owned-limits.ts'
import { CAPABILITIES, may, type Principal } from '../access/principal.ts'

export async function meOf(access: Access, principal: Principal): Promise<Me> {
  const { actor, tokenId, tenant, otherTenants, limits, expiresAt } = principal
  const tenantLimits = access.limitsOf(tenant)
  const models = allowedModels([limits, tenantLimits])
  return {
    actor,
    tenant,
    tokensNeeded: await access.tokensNeeded(),
    scopes: CAPABILITIES.filter((capability) => may(principal, capability)),
    tenants: [...otherTenants],
    limits: await access.admission.use({ principal, tenant, tenantLimits }),
    ...(models === null ? {} : { models }),
    ...(tokenId === undefined
      ? {}
      : { token: { id: tokenId, ...(expiresAt === Infinity ? {} : { expiresAt }) } })
  }
}
