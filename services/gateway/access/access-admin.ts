/** What an operator does to tokens and tenants: in the store, with its audit, and told to all gateways. */
import { randomBytes, type KeyObject } from 'node:crypto'
import type {
  CreateToken,
  Limits,
  SetTenant,
  TenantEntry,
  TokenEntry,
  TokenSecret
} from '#shared/contracts/access.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable, Store } from '#shared/store/store.ts'
import type { Audit, AuditEntry } from './audit.ts'
import { CHANNEL, OPERATOR_KEY, TOKENS_MAX, type Directory } from './directory.ts'
import { hashToken, mintToken, type TokenKind, type TokenText } from './token-text.ts'

const LIST_MAX = 1000

/** By whom, and with which request. */
export interface Doer {
  actor: string
  requestId: string
}

export interface AccessAdminDeps {
  store: Store
  audit: Audit
  directory: Directory
  pepper: KeyObject
  /** Milliseconds since 1970. */
  now: () => number
}

interface TokenRow {
  id: string
  kind: string
  tenant_id: string
  scopes: string[]
  name: string | null
  hint: string
  limits: Limits
  created_at: Date
  expires_at: Date | null
  revoked_at: Date | null
}

interface TenantRow {
  id: string
  limits: Limits
  created_at: Date
  tokens: number
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

  createToken(wish: CreateToken, doer: Doer): Promise<TokenSecret> {
    const { tenant, scopes = ['infer'], name, limits = {}, expiresInMs } = wish
    const minted = mintToken(kindOf(scopes), randomBytes)
    const expiresAt = expiresInMs === undefined ? null : new Date(this.#deps.now() + expiresInMs)
    return this.#change(doer, async (tx, note, version) => {
      await assertRoom(tx)
      const isNew = await ensureTenant(tx, tenant, version)
      if (isNew) await note({ chain: tenant, action: 'tenant.create', target: tenant })
      const row = await this.#insert(tx, minted, {
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
      return { token: entryOf(row), secret: minted.text }
    })
  }

  async listTokens(): Promise<TokenEntry[]> {
    const rows = await this.#deps.store.query<TokenRow>(
      'select * from tokens order by created_at desc, id limit $1',
      [LIST_MAX]
    )
    return rows.map(entryOf)
  }

  revokeToken(id: string, doer: Doer): Promise<TokenEntry> {
    return this.#change(doer, async (tx, note, version) => {
      const row = await revoke(tx, id, version)
      await note({ chain: row.tenant_id, action: 'token.revoke', target: id })
      return entryOf(row)
    })
  }

  rotateToken(id: string, doer: Doer): Promise<TokenSecret> {
    return this.#change(doer, async (tx, note, version) => {
      const old = await revoke(tx, id, version)
      if (old.kind === OPERATOR_KEY) {
        throw new HaifError(
          'CONFLICT',
          'the operator key of a machine is not rotated: revoke it, delete the file, and start the gateway again'
        )
      }
      const minted = mintToken(old.kind as TokenKind, randomBytes)
      const row = await this.#insert(tx, minted, {
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
      return { token: entryOf(row), secret: minted.text }
    })
  }

  setTenant({ id, limits }: SetTenant, doer: Doer): Promise<TenantEntry> {
    return this.#change(doer, async (tx, note, version) => {
      await tx.query(
        `insert into tenants (id, limits, version) values ($1, $2::jsonb, $3)
         on conflict (id) do update set limits = excluded.limits, version = excluded.version,
           deleted_at = null`,
        [id, JSON.stringify(limits), version]
      )
      await note({ chain: id, action: 'tenant.set', target: id, details: { limits } })
      return tenant(tx, id)
    })
  }

  async listTenants(): Promise<TenantEntry[]> {
    const rows = await this.#deps.store.query<TenantRow>(
      `${TENANTS} where deleted_at is null order by id limit $1`,
      [LIST_MAX]
    )
    return rows.map(tenantOf)
  }

  deleteTenant(id: string, doer: Doer): Promise<TenantEntry> {
    return this.#change(doer, async (tx, note, version) => {
      const entry = await tenant(tx, id)
      if (entry.tokens > 0) {
        throw new HaifError(
          'CONFLICT',
          `tenant ${id} has ${entry.tokens} tokens that are good: revoke them first`
        )
      }
      await tx.query(
        `update tenants set deleted_at = now(), limits = '{}', version = $2 where id = $1`,
        [id, version]
      )
      await note({ chain: id, action: 'tenant.delete', target: id })
      return entry
    })
  }

  /** The operator key of a machine; made known once, by whichever gateway there starts first. */
  async registerOperatorKey(key: TokenText, tenant: string): Promise<void> {
    const known = await this.#deps.store.query('select 1 from tokens where id = $1', [key.id])
    if (known.length > 0) return
    const doer = { actor: 'gateway', requestId: 'start' }
    await this.#change(doer, async (tx, note, version) => {
      const again = await tx.query('select 1 from tokens where id = $1', [key.id])
      if (again.length > 0) return
      await ensureTenant(tx, tenant, version)
      await this.#insert(tx, key, {
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

  /** Changes come one after the other, in the order of their versions: the row of the version is a lock. */
  async #change<Result>({ actor, requestId }: Doer, work: Change<Result>): Promise<Result> {
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

  async #insert(
    tx: Queryable,
    minted: TokenText,
    given: {
      kind: string
      tenant: string
      scopes: readonly string[]
      name: string | null
      limits: Limits
      expiresAt: Date | null
      version: number
    }
  ): Promise<TokenRow> {
    const { kind, tenant: tenantId, scopes, name, limits, expiresAt, version } = given
    const hash = hashToken(this.#deps.pepper, minted.text).toString('hex')
    const [row] = await tx.query<TokenRow>(
      `insert into tokens (id, kind, tenant_id, scopes, name, hash, hint, limits, version, expires_at)
       values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8::jsonb, $9, $10) returning *`,
      [
        minted.id,
        kind,
        tenantId,
        JSON.stringify(scopes),
        name,
        hash,
        minted.hint,
        JSON.stringify(limits),
        version,
        expiresAt
      ]
    )
    return row!
  }
}

const kindOf = (scopes: readonly string[]): TokenKind => {
  if (scopes.includes('operator')) return 'operator'
  return scopes.every((scope) => scope === 'metrics') ? 'metrics' : 'user'
}

async function assertRoom(tx: Queryable): Promise<void> {
  const [row] = await tx.query<{ count: number }>(
    'select count(*) as count from tokens where revoked_at is null and (expires_at is null or expires_at > now())'
  )
  if (Number(row?.count) < TOKENS_MAX) return
  throw new HaifError('CONFLICT', `there are ${TOKENS_MAX} tokens, and no more can be made`)
}

/** Whether it was made now; a deleted one comes back. */
async function ensureTenant(tx: Queryable, id: string, version: number): Promise<boolean> {
  const rows = await tx.query(
    `insert into tenants (id, version) values ($1, $2)
     on conflict (id) do update set deleted_at = null, version = excluded.version
       where tenants.deleted_at is not null
     returning id`,
    [id, version]
  )
  return rows.length > 0
}

async function revoke(tx: Queryable, id: string, version: number): Promise<TokenRow> {
  const [row] = await tx.query<TokenRow>(
    'update tokens set revoked_at = now(), version = $2 where id = $1 and revoked_at is null returning *',
    [id, version]
  )
  if (row !== undefined) return row
  throw new HaifError(
    'NOT_FOUND',
    `there is no token ${id} that is good; "haif token ls" lists them`
  )
}

const TENANTS = `select id, limits, created_at, (
    select count(*) from tokens where tenant_id = tenants.id and revoked_at is null
      and (expires_at is null or expires_at > now())
  ) as tokens from tenants`

async function tenant(tx: Queryable, id: string): Promise<TenantEntry> {
  const [row] = await tx.query<TenantRow>(`${TENANTS} where id = $1 and deleted_at is null`, [id])
  if (row !== undefined) return tenantOf(row)
  throw new HaifError('NOT_FOUND', `there is no tenant ${id}; "haif tenant ls" lists them`)
}

const tenantOf = ({ id, limits, created_at, tokens }: TenantRow): TenantEntry => ({
  id,
  limits,
  createdAt: created_at.getTime(),
  tokens
})

function entryOf(row: TokenRow): TokenEntry {
  const { id, kind, tenant_id, scopes, name, hint, limits, created_at, expires_at } = row
  const entry: TokenEntry = {
    id,
    kind,
    tenant: tenant_id,
    scopes,
    hint,
    limits,
    createdAt: created_at.getTime()
  }
  if (name !== null) entry.name = name
  if (expires_at !== null) entry.expiresAt = expires_at.getTime()
  if (row.revoked_at !== null) entry.revokedAt = row.revoked_at.getTime()
  return entry
}
