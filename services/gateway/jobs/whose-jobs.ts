/** Whose jobs a caller may see and change. */
import type { Limits } from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'
import { chargedTenant, may, type Principal } from '../access/principal.ts'

/**
 * `all`: an operator's, and everybody's while nobody needs a token. Otherwise the tenants of the
 * token, its own first.
 */
type Seen = { kind: 'all' } | { kind: 'some'; tenants: readonly [string, ...string[]] }

export function seenBy(principal: Principal): Seen {
  if (principal.tokenId === undefined || may(principal, 'operator')) return { kind: 'all' }
  return { kind: 'some', tenants: [principal.tenant, ...principal.otherTenants] }
}

/** The tenant of a list; undefined: all. Throws FORBIDDEN for somebody else's. */
export function listedTenant(principal: Principal, named: string | undefined): string | undefined {
  if (seenBy(principal).kind === 'all') return named
  return chargedTenant(principal, named, 'tenant')
}

export const unknownJob = (jobId: string): HaifError =>
  new HaifError('NOT_FOUND', `there is no job ${jobId}`)

/** Token and tenant must both allow better than batch. */
export const isBatchOnly = (...limits: readonly Limits[]): boolean =>
  limits.some(({ priority }) => priority === 'batch')
