/** The caller as the gateway has identified it, and what that allows. */
import type { Limits } from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'

export const CAPABILITIES = [
  'infer',
  'jobs',
  'functions',
  'worker',
  'operator',
  'observer',
  'metrics',
  'models:write'
] as const
export type Capability = (typeof CAPABILITIES)[number]

interface Only {
  /** `owner/name` */
  libraries: ReadonlySet<string>
  machines: ReadonlySet<string>
}

export interface Principal {
  /** For the audit: the id of the token; `anonymous` without one. */
  actor: string
  /** For limits and usage. Undefined without a token. */
  tokenId: string | undefined
  /** The tenant that it asks for unless it says otherwise. */
  tenant: string
  /** Other tenants that it may name. */
  otherTenants: ReadonlySet<string>
  scopes: ReadonlySet<Capability>
  /** Of tokens that are for some libraries or machines, and for nothing else. */
  only?: Only
  limits: Limits
  /** Milliseconds since 1970; `Infinity`: never. */
  expiresAt: number
}

/** The tenant of a caller without a token, where none is needed. */
export const LOCAL_TENANT = 'local'

export const ANONYMOUS: Principal = {
  actor: 'anonymous',
  tokenId: undefined,
  tenant: LOCAL_TENANT,
  otherTenants: new Set(),
  scopes: new Set(['infer', 'jobs', 'functions', 'metrics']),
  limits: {},
  expiresAt: Infinity
}

/** A tenant is worth nothing to a token that may do nothing for it, so naming one lets it ask. */
export function capabilitiesOf(scopes: readonly string[]): Set<Capability> {
  const found = new Set<Capability>()
  for (const scope of scopes) {
    if (scope.startsWith('tenant:')) found.add('infer').add('jobs').add('functions')
    else if (!/^(library|machine):/.test(scope)) found.add(scope as Capability)
  }
  return found
}

/** Nothing for a token that is for no library and no machine. */
export function onlyOf(scopes: readonly string[]): { only?: Only } {
  const named = (kind: string) =>
    scopes.filter((scope) => scope.startsWith(kind)).map((scope) => scope.slice(kind.length))
  const [libraries, machines] = [named('library:'), named('machine:')]
  if (libraries.length === 0 && machines.length === 0) return {}
  return { only: { libraries: new Set(libraries), machines: new Set(machines) } }
}

export function tenantsOf(scopes: readonly string[]): string[] {
  return scopes.filter((scope) => scope.startsWith('tenant:')).map((scope) => scope.slice(7))
}

/** An operator may do everything. */
export function may({ scopes }: Principal, capability: Capability): boolean {
  return scopes.has(capability) || scopes.has('operator')
}

export function assertMay(principal: Principal, capability: Capability): void {
  if (may(principal, capability)) return
  if (principal.tokenId === undefined)
    throw tokenNeeded(`this needs a token with the scope ${capability}`)
  throw new HaifError('FORBIDDEN', `this needs a token with the scope ${capability}`, {
    details: { scope: capability }
  })
}

export function tokenNeeded(why: string): HaifError {
  return new HaifError('UNAUTHENTICATED', `${why}: send it as "Authorization: Bearer haif_…"`)
}

/**
 * The tenant that is charged. `named` is what the request says; it never widens what the token
 * allows, and a refusal does not tell whether there is such a tenant. `param` names the field.
 */
export function chargedTenant(
  principal: Principal,
  named: string | undefined,
  param = 'tenant_id'
): string {
  if (named === undefined || named === principal.tenant) return principal.tenant
  // Without tokens a tenant is only a name for a share of the queue.
  if (principal.tokenId === undefined) return named
  if (principal.otherTenants.has(named) || principal.scopes.has('operator')) return named
  throw new HaifError('FORBIDDEN', `this token is not one of the tenant that ${param} names`, {
    details: { param }
  })
}
