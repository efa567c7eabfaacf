/** The membership of a peer of this machine: certified from what its home holds. */
import { join } from 'node:path'
import type { KeyPair } from 'hyperdht'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { rootAuthority } from '#shared/mesh/membership/authority.ts'
import {
  meshName,
  readRevocationFile,
  writeRevocationFile
} from '#shared/mesh/membership/credentials.ts'
import { credentialsBy, Membership } from '#shared/mesh/membership/membership.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Home } from './home.ts'

interface MembershipHereOptions {
  home: Home
  topicKey: TopicKey
  role: PeerRole
  keyPair: KeyPair
  log: Logger
}

export function membershipHere(options: MembershipHereOptions): Membership {
  const { home, topicKey, role, keyPair, log } = options
  const authority = rootAuthority(topicKey.secret)
  const file = join(home.meshFolder, `${meshName(authority.mesh)}.revoked`)
  const revocations = readRevocationFile(file, authority.mesh)
  const wish = { peer: keyPair.publicKey, roles: [role] }
  return new Membership({
    credentials: credentialsBy(authority, wish, revocations, Date.now()),
    authority,
    revocations,
    keep(kept) {
      try {
        if ('revocations' in kept) writeRevocationFile(file, kept.revocations)
      } catch (error) {
        log.warn({ err: error, file }, 'cannot keep the list of revoked peers')
      }
    }
  })
}
