/** Certified peers for tests: the secret of a topic key is the seed of the mesh's root. */
import { randomBytes } from 'node:crypto'
import type { KeyPair } from 'hyperdht'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { PROCESS_ID_BYTES } from '#shared/mesh/connection/twins.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { rootAuthority } from '#shared/mesh/membership/authority.ts'
import { credentialsBy, Membership } from '#shared/mesh/membership/membership.ts'
import type { MeshRoot } from './mesh-root.ts'

interface Member {
  role: PeerRole
  keyPair: KeyPair
  membership: Membership
  processId: Buffer
}

/** What a `Mesh` needs to be a peer of that role. */
export function memberOf(
  { secret }: Pick<MeshRoot, 'secret'>,
  role: PeerRole,
  keyPair = temporaryIdentity()
): Member {
  const processId = randomBytes(PROCESS_ID_BYTES)
  return { role, keyPair, processId, membership: membershipOf(secret, role, keyPair) }
}

function membershipOf(secret: Buffer, role: PeerRole, keyPair: KeyPair): Membership {
  const authority = rootAuthority(secret)
  const wish = { peer: keyPair.publicKey, roles: [role] }
  return new Membership({
    credentials: credentialsBy(authority, wish, null, Date.now()),
    authority
  })
}
