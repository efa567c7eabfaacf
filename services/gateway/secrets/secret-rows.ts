/** The rows of secrets. One query each. */
import type { SecretGrant } from '#shared/contracts/functions/secrets.ts'
import type { Queryable } from '#shared/store/store.ts'

export interface SecretRow {
  name: string
  changed_at: Date
  grants: { owner: string; library: string; object: string }[]
}

const LISTED_MAX = 256

export async function listSecretRows(
  store: Queryable,
  tenant: string,
  name: string | null = null
): Promise<SecretRow[]> {
  return store.query<SecretRow>(
    `select name, changed_at, coalesce((select json_agg(json_build_object('owner', owner,
         'library', library, 'object', object) order by owner, library, object)
       from secret_grants g where g.tenant_id = s.tenant_id and g.name = s.name),
       '[]'::json) as grants
     from secrets s where tenant_id = $1 and ($2::text is null or name = $2)
     order by name limit $3`,
    [tenant, name, LISTED_MAX]
  )
}

export async function putSecret(
  store: Queryable,
  { tenant, name, sealed, by }: { tenant: string; name: string; sealed: string; by: string }
): Promise<void> {
  await store.query(
    `insert into secrets (tenant_id, name, sealed, created_by) values ($1, $2, $3, $4)
     on conflict (tenant_id, name) do update set sealed = $3, created_by = $4, changed_at = now()`,
    [tenant, name, sealed, by]
  )
}

export async function removeSecret(store: Queryable, tenant: string, name: string): Promise<void> {
  await store.query('delete from secrets where tenant_id = $1 and name = $2', [tenant, name])
}

export async function putSecretGrant(
  store: Queryable,
  { tenant, name }: { tenant: string; name: string },
  { owner, library, object = '' }: SecretGrant
): Promise<void> {
  await store.query(
    `insert into secret_grants (tenant_id, name, owner, library, object)
     values ($1, $2, $3, $4, $5) on conflict do nothing`,
    [tenant, name, owner, library, object]
  )
}

export async function removeSecretGrant(
  store: Queryable,
  { tenant, name }: { tenant: string; name: string },
  { owner, library, object = '' }: SecretGrant
): Promise<void> {
  await store.query(
    `delete from secret_grants where tenant_id = $1 and name = $2 and owner = $3 and library = $4
       and object = $5`,
    [tenant, name, owner, library, object]
  )
}

/** Those of the tenants that are granted to the object, or to its library. */
export async function grantedSecrets(
  store: Queryable,
  tenants: readonly string[],
  { owner, library, object }: Required<SecretGrant>,
  names: readonly string[]
): Promise<{ tenant_id: string; name: string; sealed: string }[]> {
  return store.query(
    `select distinct s.tenant_id, s.name, s.sealed from secrets s
     join secret_grants g on g.tenant_id = s.tenant_id and g.name = s.name
     where s.tenant_id = any($1) and s.name = any($2) and g.owner = $3 and g.library = $4
       and g.object in ('', $5)`,
    [tenants, names, owner, library, object]
  )
}
