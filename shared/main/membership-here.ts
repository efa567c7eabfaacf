/** The membership of a peer of this machine: certified from what its home holds. */
import { join } from 'node:path'
import type { KeyPair } from 'hyperdht'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { Acquaintances } from '#shared/mesh/membership/acquaintances.ts'
import { rootAuthority } from '#shared/mesh/membership/authority.ts'
import {
  meshName,
  readRevocationFile,
  writeWhole,
  writeRevocationFile
} from '#shared/mesh/membership/credentials.ts'
import { credentialsBy, Membership } from '#shared/mesh/membership/membership.ts'
import type { Logger } from '#shared/process/log.ts'
import { readIfThere } from '#shared/process/secret-file.ts'
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
  const acquaintances = acquaintancesIn(join(home.meshFolder, `${meshName(authority.mesh)}.peers`))
  const wish = { peer: keyPair.publicKey, roles: [role] }
  return new Membership({
    credentials: credentialsBy(authority, wish, revocations, Date.now()),
    authority,
    revocations,
    acquaintances,
    keep(kept) {
      try {
        if ('revocations' in kept) writeRevocationFile(file, kept.revocations)
      } catch (error) {
        log.warn({ err: error, file }, 'cannot keep the list of revoked peers')
      }
    }
  })
}

/** A start is quick to write several. */
const WRITE_AFTER_MS = 500

/** Those of the last run, and kept for the next; without the file they are looked up again. */
function acquaintancesIn(file: string): Acquaintances {
  const acquaintances = new Acquaintances()
  acquaintances.addText(readIfThere(file) ?? '')
  let timer: NodeJS.Timeout | null = null
  acquaintances.on('met', () => {
    timer ??= setTimeout(() => {
      timer = null
      try {
        writeWhole(file, acquaintances.toText())
      } catch {
        // The next start looks them up, as the first one did.
      }
    }, WRITE_AFTER_MS).unref()
  })
  return acquaintances
}
