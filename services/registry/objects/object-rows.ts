/** The rows of the catalogue. One query each. */
import type { BundleSeal } from '#shared/contracts/functions/bundle.ts'
import type { Queryable } from '#shared/store/store.ts'
import type { ObjectKey } from './resolve-name.ts'

interface GrantRow {
  grantee: string
  scopes: string[]
}

export interface LibraryRow {
  owner: string
  name: string
  display_name: string | null
  visibility: string
  policy: string
  created_at: Date
  grants: GrantRow[]
  objects: number
}

/** An object with one of its versions and the library that it is in. */
export interface VersionRow extends ObjectKey {
  kind: 'function' | 'pipeline'
  display_name: string | null
  number: number
  sha256: string
  bytes: number
  about: string
  publisher: string
  signature: string
  created_at: Date
  visibility: string
  policy: string
  grants: GrantRow[]
}

const GRANTS = `coalesce((select json_agg(json_build_object('grantee', grantee, 'scopes', scopes)
  order by grantee) from library_grants g where g.owner = l.owner and g.library = l.name),
  '[]'::json) as grants`

const VERSIONS = `select v.owner, v.library, v.name, o.kind, o.display_name, v.number, v.sha256,
    v.bytes, v.about, v.publisher, v.signature, v.created_at, l.visibility, l.policy, ${GRANTS}
  from objects o join libraries l on l.owner = o.owner and l.name = o.library
  join object_versions v on v.owner = o.owner and v.library = o.library and v.name = o.name`

/** The latest version of each object of that name, in whosever library. */
export async function findByName(store: Queryable, name: string): Promise<VersionRow[]> {
  return store.query<VersionRow>(`${VERSIONS} where o.name = $1 and v.number = o.latest`, [name])
}

/** By its number, or the beginning of its hash. */
export async function findVersions(
  store: Queryable,
  { owner, library, name }: ObjectKey,
  version: string
): Promise<VersionRow[]> {
  return store.query<VersionRow>(
    `${VERSIONS} where o.owner = $1 and o.library = $2 and o.name = $3
       and (v.number::text = $4 or (length($4) >= 12 and starts_with(v.sha256, $4)))`,
    [owner, library, name, version]
  )
}

export async function versionsOf(
  store: Queryable,
  { owner, library, name }: ObjectKey,
  limit: number
) {
  return store.query<Pick<VersionRow, 'number' | 'sha256' | 'publisher' | 'created_at'>>(
    `select number, sha256, publisher, created_at from object_versions
     where owner = $1 and library = $2 and name = $3 order by number desc limit $4`,
    [owner, library, name, limit]
  )
}

interface Filter {
  owner: string | null
  library: string | null
  kind: string | null
  search: string | null
  tenant: string
  limit: number
}

/** The latest versions of what the tenant may see, in the order of their names. */
export async function listVersions(store: Queryable, filter: Filter): Promise<VersionRow[]> {
  return store.query<VersionRow>(
    `${VERSIONS} where v.number = o.latest and ($1::text is null or o.owner = $1)
       and ($2::text is null or o.library = $2) and ($3::text is null or o.kind = $3)
       and ($4::text is null or strpos(lower(o.name || ' ' || v.about), lower($4)) > 0)
       and (o.owner = $5 or l.visibility = 'mesh' or exists (select 1 from library_grants g
         where g.owner = l.owner and g.library = l.name and g.grantee in ('*', $5)
           and cardinality(g.scopes) > 0))
     order by o.owner, o.library, o.name limit $6`,
    [filter.owner, filter.library, filter.kind, filter.search, filter.tenant, filter.limit]
  )
}

const LIBRARIES = `select l.*, ${GRANTS}, (select count(*)::integer from objects o
  where o.owner = l.owner and o.library = l.name) as objects from libraries l`

export async function findLibrary(
  store: Queryable,
  owner: string,
  name: string
): Promise<LibraryRow | null> {
  const [row] = await store.query<LibraryRow>(`${LIBRARIES} where l.owner = $1 and l.name = $2`, [
    owner,
    name
  ])
  return row ?? null
}

export async function listLibraryRows(
  store: Queryable,
  tenant: string,
  limit: number
): Promise<LibraryRow[]> {
  return store.query<LibraryRow>(
    `${LIBRARIES} where l.owner = $1 or l.visibility = 'mesh' or exists (
       select 1 from library_grants g where g.owner = l.owner and g.library = l.name
         and g.grantee in ('*', $1) and cardinality(g.scopes) > 0)
     order by l.owner, l.name limit $2`,
    [tenant, limit]
  )
}

export async function addLibrary(tx: Queryable, owner: string, name: string): Promise<void> {
  await tx.query('insert into libraries (owner, name) values ($1, $2) on conflict do nothing', [
    owner,
    name
  ])
}

/** What is null stays as it was. */
export async function updateLibrary(
  tx: Queryable,
  { owner, name }: { owner: string; name: string },
  changes: { displayName: string | null; visibility: string | null; policy: string | null }
): Promise<void> {
  await tx.query(
    `update libraries set display_name = coalesce($3, display_name),
       visibility = coalesce($4, visibility), policy = coalesce($5, policy)
     where owner = $1 and name = $2`,
    [owner, name, changes.displayName, changes.visibility, changes.policy]
  )
}

export async function putGrant(
  tx: Queryable,
  { owner, library, to, scopes }: { owner: string; library: string; to: string; scopes: string[] }
): Promise<void> {
  if (scopes.length === 0) {
    await tx.query(
      'delete from library_grants where owner = $1 and library = $2 and grantee = $3',
      [owner, library, to]
    )
    return
  }
  await tx.query(
    `insert into library_grants (owner, library, grantee, scopes) values ($1, $2, $3, $4)
     on conflict (owner, library, grantee) do update set scopes = $4, granted_at = now()`,
    [owner, library, to, scopes]
  )
}

/** Locks the object until the transaction ends: two publishers take turns. */
export async function lockObject(
  tx: Queryable,
  { owner, library, name }: ObjectKey,
  { kind, displayName }: { kind: string; displayName: string | null }
): Promise<{ kind: string; latest: number }> {
  await tx.query(
    `insert into objects (owner, library, name, kind, display_name) values ($1, $2, $3, $4, $5)
     on conflict do nothing`,
    [owner, library, name, kind, displayName]
  )
  const [row] = await tx.query<{ kind: string; latest: number }>(
    `select kind, latest from objects where owner = $1 and library = $2 and name = $3 for update`,
    [owner, library, name]
  )
  return row!
}

interface NewVersion extends ObjectKey {
  number: number
  sha256: string
  about: string
  body: string
  seal: BundleSeal
  by: string
}

export async function insertVersion(tx: Queryable, version: NewVersion): Promise<void> {
  const { owner, library, name, number, sha256, about, body, seal, by } = version
  await tx.query('insert into bundles (sha256, body) values ($1, $2) on conflict do nothing', [
    sha256,
    body
  ])
  await tx.query(
    `insert into object_versions (owner, library, name, number, sha256, bytes, about, publisher,
       signature, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      owner,
      library,
      name,
      number,
      sha256,
      Buffer.byteLength(body),
      about,
      seal.publisher,
      seal.signature,
      by
    ]
  )
  await tx.query('update objects set latest = $4 where owner = $1 and library = $2 and name = $3', [
    owner,
    library,
    name,
    number
  ])
}

export async function renameObject(
  tx: Queryable,
  { owner, library, name }: ObjectKey,
  displayName: string
): Promise<void> {
  await tx.query(
    'update objects set display_name = $4 where owner = $1 and library = $2 and name = $3',
    [owner, library, name, displayName]
  )
}

export async function findBundle(store: Queryable, sha256: string): Promise<string | null> {
  const [row] = await store.query<{ body: string }>('select body from bundles where sha256 = $1', [
    sha256
  ])
  return row?.body ?? null
}
