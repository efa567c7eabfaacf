/**
 * The rows of tokens in the store. A secret is only there as its keyed hash, with its end as a
 * hint.
 */
import type { KeyObject } from 'node:crypto'
import type { Limits, TokenEntry } from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable } from '#shared/store/store.ts'
import { TOKENS_MAX } from './directory.ts'
import { hashToken, type TokenText } from './token-text.ts'

const LIST_MAX = 1000

interface ListedTokenRow {
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

interface NewToken {
  minted: TokenText
  pepper: KeyObject
  kind: string
  tenant: string
  scopes: readonly string[]
  name: string | null
  limits: Limits
  expiresAt: Date | null
  version: number
}

export async function insertToken(tx: Queryable, token: NewToken): Promise<ListedTokenRow> {
  const { minted, pepper, kind, tenant, scopes, name, limits, expiresAt, version } = token
  const hash = hashToken(pepper, minted.text).toString('hex')
  const [row] = await tx.query<ListedTokenRow>(
    `insert into tokens (id, kind, tenant_id, scopes, name, hash, hint, limits, version, expires_at)
     values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8::jsonb, $9, $10) returning *`,
    [
      minted.id,
      kind,
      tenant,
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

export async function isTokenKnown(store: Queryable, id: string): Promise<boolean> {
  return (await store.query('select 1 from tokens where id = $1', [id])).length > 0
}

/** The newest first. */
export async function listTokens(store: Queryable): Promise<TokenEntry[]> {
  const rows = await store.query<ListedTokenRow>(
    'select * from tokens order by created_at desc, id limit $1',
    [LIST_MAX]
  )
  return rows.map(tokenEntry)
}

/** Throws NOT_FOUND when there is none that is good. */
export async function revokeToken(
  tx: Queryable,
  id: string,
  version: number
): Promise<ListedTokenRow> {
  const [row] = await tx.query<ListedTokenRow>(
    'update tokens set revoked_at = now(), version = $2 where id = $1 and revoked_at is null returning *',
    [id, version]
  )
  if (row !== undefined) return row
  throw noToken(id)
}

/** Throws NOT_FOUND when there is none that is good. */
export async function patchTokenRow(
  tx: Queryable,
  id: string,
  change: (limits: Limits) => Limits,
  version: number
): Promise<{ before: Limits; row: ListedTokenRow }> {
  const [known] = await tx.query<ListedTokenRow>(
    'select * from tokens where id = $1 and revoked_at is null',
    [id]
  )
  if (known === undefined) throw noToken(id)
  const [row] = await tx.query<ListedTokenRow>(
    'update tokens set limits = $2::jsonb, version = $3 where id = $1 returning *',
    [id, JSON.stringify(change(known.limits)), version]
  )
  return { before: known.limits, row: row! }
}

const noToken = (id: string): HaifError =>
  new HaifError('NOT_FOUND', `there is no valid token ${id}; "haif token ls" lists the tokens`)

/** Throws CONFLICT when gateways could not hold one more in memory. */
export async function assertTokenRoom(tx: Queryable): Promise<void> {
  const [row] = await tx.query<{ count: number }>(
    'select count(*) as count from tokens where revoked_at is null and (expires_at is null or expires_at > now())'
  )
  if (Number(row?.count) < TOKENS_MAX) return
  throw new HaifError('CONFLICT', `there are ${TOKENS_MAX} tokens, and no more can be made`)
}

export function tokenEntry(row: ListedTokenRow): TokenEntry {
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
