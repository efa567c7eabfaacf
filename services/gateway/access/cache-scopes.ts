/**
 * Whose prompts may share a cache: those of one tenant, or of tenants that the operator has put
 * into a group. A worker is told a scope and not a tenant, and cannot find out which it is.
 */
import { createHmac, type KeyObject } from 'node:crypto'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { HaifError } from '#shared/errors.ts'
import { readString, type Environment } from '#shared/process/config.ts'

/** Each group lists its tenants; `*` stands for every tenant. */
export type CacheGroups = readonly (readonly string[])[]

const SCOPE_CHARACTERS = 32
const KNOWN_MAX = 4096
const ID = /^(\*|[A-Za-z0-9._-]{1,128})$/

/** `CACHE_GROUPS`: `acme|acme-dev,lab|office`, or `*` where all tenants may share. */
export function readCacheGroups(env: Environment): CacheGroups {
  const groups = readString(env, 'CACHE_GROUPS', '')
    .split(',')
    .filter((group) => group.trim() !== '')
    .map((group) => group.split('|').map((tenant) => tenant.trim()))
  if (groups.flat().every((tenant) => ID.test(tenant))) return groups
  throw new HaifError(
    'CONFIG_INVALID',
    "CACHE_GROUPS cannot be used: write groups of tenants, as in CACHE_GROUPS='acme|acme-dev,lab|office'"
  )
}

export class CacheScopes {
  readonly #key: KeyObject
  readonly #groupOf = new Map<string, string>() // as many as the setting names
  readonly #known = new BoundedMap<string, string>(KNOWN_MAX)

  constructor(key: KeyObject, groups: CacheGroups) {
    this.#key = key
    for (const [i, group] of groups.entries()) {
      for (const tenant of group) this.#groupOf.set(tenant, `group ${i}`)
    }
  }

  of(tenant: string): string {
    const known = this.#known.get(tenant)
    if (known !== undefined) return known
    const group = this.#groupOf.get(tenant) ?? this.#groupOf.get('*') ?? `tenant ${tenant}`
    const mac = createHmac('sha256', this.#key).update(`haif cache scope ${group}`)
    const scope = mac.digest('hex').slice(0, SCOPE_CHARACTERS)
    this.#known.set(tenant, scope)
    return scope
  }
}
