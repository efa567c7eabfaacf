/** The rows of tenants in the store. */
import type { Limits, PatchTenant, TenantEntry } from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable } from '#shared/store/store.ts'

const LIST_MAX = 1000

interface TenantRow {
  id: string
  limits: Limits
  created_at: Date
  tokens: number
  keep_requests_days: number | null
  keep_prompts: boolean
}

const TENANTS = `select id, limits, created_at, keep_requests_days, keep_prompts, (
    select count(*) from tokens where tenant_id = tenants.id and revoked_at is null
      and (expires_at is null or expires_at > now())
  ) as tokens from tenants`

export async function listTenants(store: Queryable): Promise<TenantEntry[]> {
  const rows = await store.query<TenantRow>(
    `${TENANTS} where deleted_at is null order by id limit $1`,
    [LIST_MAX]
  )
  return rows.map(tenantOf)
}

/** Throws NOT_FOUND. */
export async function findTenant(tx: Queryable, id: string): Promise<TenantEntry> {
  const [row] = await tx.query<TenantRow>(`${TENANTS} where id = $1 and deleted_at is null`, [id])
  if (row !== undefined) return tenantOf(row)
  throw new HaifError('NOT_FOUND', `there is no tenant ${id}; "haif tenant ls" lists them`)
}

/** Whether it was made now; a deleted one comes back. */
export async function ensureTenant(tx: Queryable, id: string, version: number): Promise<boolean> {
  const rows = await tx.query(
    `insert into tenants (id, version) values ($1, $2)
     on conflict (id) do update set deleted_at = null, version = excluded.version
       where tenants.deleted_at is not null
     returning id`,
    [id, version]
  )
  return rows.length > 0
}

/** Makes it, or gives it other limits; a deleted one comes back. */
export async function putTenant(
  tx: Queryable,
  id: string,
  limits: Limits,
  version: number
): Promise<void> {
  await tx.query(
    `insert into tenants (id, limits, version) values ($1, $2::jsonb, $3)
     on conflict (id) do update set limits = excluded.limits, version = excluded.version,
       deleted_at = null`,
    [id, JSON.stringify(limits), version]
  )
}

/** Changes what is given. */
export async function patchTenantRow(
  tx: Queryable,
  id: string,
  limits: Limits,
  { keepRequestsDays, keepPrompts }: Pick<PatchTenant, 'keepRequestsDays' | 'keepPrompts'>,
  version: number
): Promise<void> {
  await tx.query(
    `update tenants set limits = $2::jsonb, version = $3,
       keep_requests_days = case when $4 then $5::integer else keep_requests_days end,
       keep_prompts = coalesce($6::boolean, keep_prompts)
     where id = $1`,
    [
      id,
      JSON.stringify(limits),
      version,
      keepRequestsDays !== undefined,
      keepRequestsDays ?? null,
      keepPrompts ?? null
    ]
  )
}

/** It stays for the books, without limits. */
export async function markTenantDeleted(tx: Queryable, id: string, version: number): Promise<void> {
  await tx.query(
    `update tenants set deleted_at = now(), limits = '{}', version = $2 where id = $1`,
    [id, version]
  )
}

function tenantOf({ id, limits, created_at, tokens, ...row }: TenantRow): TenantEntry {
  const entry: TenantEntry = { id, limits, createdAt: created_at.getTime(), tokens }
  if (row.keep_requests_days !== null) entry.keepRequestsDays = row.keep_requests_days
  if (row.keep_prompts) entry.keepPrompts = true
  return entry
}
