/**
 * A peer in a process of its own, to be killed by tests: `peer-process.ts <options as JSON>`.
 * Prints its key when it has started. On SIGTERM it stops cleanly and has to exit by itself.
 */
import { decodeRoot } from './mesh-root.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import type { ListeningRole, PeerRole } from '#shared/contracts/peers/role.ts'
import { silentLogger } from '#shared/process/log.ts'
import { memberOf } from './member.ts'

export interface PeerProcessOptions {
  topicKey: string
  role: PeerRole
  follow?: ListeningRole
  /** Hex; the same one gives the same key. */
  seed?: string
  localSockets?: boolean
}

const options = JSON.parse(process.argv[2]!) as PeerProcessOptions
const topicKey = decodeRoot(options.topicKey)
const seed = options.seed === undefined ? undefined : Buffer.from(options.seed, 'hex')
const mesh = new Mesh({
  dht: createDht(topicKey),
  ...memberOf(topicKey, options.role, temporaryIdentity(seed)),
  localSockets: options.localSockets ?? false,
  lookupMs: 200,
  log: silentLogger()
})
process.once('SIGTERM', () => void mesh.stop())
await mesh.start()
if (options.follow !== undefined) mesh.follow(options.follow)
console.log(mesh.key)
