/** What a tenant may do with what is in a library. Pure. */
import { GRANT_SCOPES, type GrantScope } from '#shared/contracts/functions/objects.ts'

interface LibraryRights {
  owner: string
  visibility: string
  grants: readonly { grantee: string; scopes: readonly string[] }[]
}

/**
 * O5: the owner may do everything. A library that the mesh sees shows its metadata, and nothing
 * more; whoever may read or run something may also see that it is there.
 */
export function rightsIn(library: LibraryRights, tenant: string): ReadonlySet<GrantScope> {
  if (library.owner === tenant) return new Set(GRANT_SCOPES)
  const granted = library.grants
    .filter(({ grantee }) => grantee === '*' || grantee === tenant)
    .flatMap(({ scopes }) => scopes) as GrantScope[]
  const rights = new Set<GrantScope>(granted)
  if (library.visibility === 'mesh' || rights.size > 0) rights.add('metadata:read')
  return rights
}
