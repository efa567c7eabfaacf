/**
 * The changes that an operator makes to tokens and tenants: written to the store with their audit,
 * and announced to all gateways.
 */
import { randomBytes, type KeyObject } from 'node:crypto'
import type {
  CreateToken,
  Limits,
  PatchTenant,
  PatchToken,
  SetTenant,
  TenantEntry,
  TokenEntry,
  TokenSecret
} from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable, Store } from '#shared/store/store.ts'
import type { Audit, AuditEntry } from '../audit/audit.ts'
import { CHANNEL, OPERATOR_KEY, type Directory } from './directory.ts'
import {
  ensureTenant,
  findTenant,
  listTenants,
  markTenantDeleted,
  patchTenantRow,
  putTenant
} from './tenant-rows.ts'
import {
  assertTokenRoom,
  insertToken,
  isTokenKnown,
  listTokens,
  patchTokenRow,
  revokeToken,
  tokenEntry
} from './token-rows.ts'
import { mintToken, type TokenKind, type TokenText } from './token-text.ts'

/** By whom, and with which request. */
export interface Actor {
  actor: string
  requestId: string
}

interface AccessAdminDeps {
  store: Store
  audit: Audit
  directory: Directory
  pepper: KeyObject
  /** Milliseconds since 1970. */
  now: () => number
}

type Change<Result> = (
  tx: Queryable,
  note: (entry: Omit<AuditEntry, 'actor' | 'requestId' | 'result'>) => Promise<void>,
  version: number
) => Promise<Result>

export class AccessAdmin {
  readonly #deps: AccessAdminDeps

  constructor(deps: AccessAdminDeps) {
    this.#deps = deps
  }

  createToken(wish: CreateToken, actor: Actor): Promise<TokenSecret> {
    const { tenant, scopes = ['infer'], name, limits = {}, expiresInMs } = wish
    const minted = mintToken(kindOf(scopes), randomBytes)
    const expiresAt = expiresInMs === undefined ? null : new Date(this.#deps.now() + expiresInMs)
    return this.#change(actor, async (tx, note, version) => {
      await assertTokenRoom(tx)
      const isNew = await ensureTenant(tx, tenant, version)
      if (isNew) await note({ chain: tenant, action: 'tenant.create', target: tenant })
      const row = await insertToken(tx, {
        minted,
        pepper: this.#deps.pepper,
        kind: minted.kind,
        tenant,
        scopes,
        name: name ?? null,
        limits,
        expiresAt,
        version
      })
      const details = { scopes, limits, expires_at: expiresAt?.toISOString() ?? null }
      await note({ chain: tenant, action: 'token.create', target: row.id, details })
      return { token: tokenEntry(row), secret: minted.text }
    })
  }

  listTokens(): Promise<TokenEntry[]> {
    return listTokens(this.#deps.store)
  }

  revokeToken(id: string, actor: Actor): Promise<TokenEntry> {
    return this.#change(actor, async (tx, note, version) => {
      const row = await revokeToken(tx, id, version)
      await note({ chain: row.tenant_id, action: 'token.revoke', target: id })
      return tokenEntry(row)
    })
  }

  rotateToken(id: string, actor: Actor): Promise<TokenSecret> {
    return this.#change(actor, async (tx, note, version) => {
      const old = await revokeToken(tx, id, version)
      if (old.kind === OPERATOR_KEY) {
        throw new HaifError(
          'CONFLICT',
          'the operator key of a machine is not rotated: revoke it, delete the file, and start the gateway again'
        )
      }
      const minted = mintToken(old.kind as TokenKind, randomBytes)
      const row = await insertToken(tx, {
        minted,
        pepper: this.#deps.pepper,
        kind: old.kind,
        tenant: old.tenant_id,
        scopes: old.scopes,
        name: old.name,
        limits: old.limits,
        expiresAt: old.expires_at,
        version
      })
      const details = { instead_of: id }
      await note({ chain: old.tenant_id, action: 'token.rotate', target: row.id, details })
      return { token: tokenEntry(row), secret: minted.text }
    })
  }

  setTenant({ id, limits }: SetTenant, actor: Actor): Promise<TenantEntry> {
    return this.#change(actor, async (tx, note, version) => {
      await putTenant(tx, id, limits, version)
      await note({ chain: id, action: 'tenant.set', target: id, details: { limits } })
      return findTenant(tx, id)
    })
  }

  /** Merges what is given into what there is; null lifts a limit. */
  patchTenant(patch: PatchTenant, actor: Actor): Promise<TenantEntry> {
    const { id, limits: changes = {}, keepRequestsDays, keepPrompts } = patch
    return this.#change(actor, async (tx, note, version) => {
      const { limits: before } = await findTenant(tx, id)
      const limits = merged(before, changes)
      await patchTenantRow(tx, id, limits, patch, version)
      const kept = { keep_requests_days: keepRequestsDays, keep_prompts: keepPrompts }
      const details = { before, limits, ...kept }
      await note({ chain: id, action: 'tenant.set', target: id, details })
      return findTenant(tx, id)
    })
  }

  patchToken({ id, limits: changes }: PatchToken, actor: Actor): Promise<TokenEntry> {
    return this.#change(actor, async (tx, note, version) => {
      const change = (limits: Limits) => merged(limits, changes)
      const { before, row } = await patchTokenRow(tx, id, change, version)
      const details = { before, limits: row.limits }
      await note({ chain: row.tenant_id, action: 'token.set', target: id, details })
      return tokenEntry(row)
    })
  }

  listTenants(): Promise<TenantEntry[]> {
    return listTenants(this.#deps.store)
  }

  deleteTenant(id: string, actor: Actor): Promise<TenantEntry> {
    return this.#change(actor, async (tx, note, version) => {
      const entry = await findTenant(tx, id)
      if (entry.tokens > 0) {
        throw new HaifError(
          'CONFLICT',
          `tenant ${id} still has ${entry.tokens} valid tokens: revoke them first`
        )
      }
      await markTenantDeleted(tx, id, version)
      await note({ chain: id, action: 'tenant.delete', target: id })
      return entry
    })
  }

  /** The operator key of a machine; made known once, by whichever gateway there starts first. */
  async registerOperatorKey(key: TokenText, tenant: string): Promise<void> {
    if (await isTokenKnown(this.#deps.store, key.id)) return
    const actor = { actor: 'gateway', requestId: 'start' }
    await this.#change(actor, async (tx, note, version) => {
      if (await isTokenKnown(tx, key.id)) return // another gateway was faster
      await ensureTenant(tx, tenant, version)
      await insertToken(tx, {
        minted: key,
        pepper: this.#deps.pepper,
        kind: OPERATOR_KEY,
        tenant,
        scopes: ['operator'],
        name: null,
        limits: {},
        expiresAt: null,
        version
      })
      await note({ chain: tenant, action: 'token.create', target: key.id })
    })
  }

  /**
   * Changes come one after the other, in the order of their versions: the row of the version is a
   * lock.
   */
  async #change<Result>({ actor, requestId }: Actor, work: Change<Result>): Promise<Result> {
    const { store, audit, directory } = this.#deps
    const result = await audit.recording(async (tx, note) => {
      const [state] = await tx.query<{ version: number }>(
        'update access_state set version = version + 1 returning version'
      )
      return work(tx, (entry) => note({ ...entry, actor, requestId, result: 'ok' }), state!.version)
    })
    await directory.refresh()
    await store.notify(CHANNEL, 'changed')
    return result
  }
}

function merged(limits: Limits, changes: PatchToken['limits']): Limits {
  const all = Object.entries({ ...limits, ...changes })
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined))
}

const kindOf = (scopes: readonly string[]): TokenKind => {
  if (scopes.includes('operator')) return 'operator'
  return scopes.every((scope) => scope === 'metrics') ? 'metrics' : 'user'
}
