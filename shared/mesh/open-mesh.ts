/** From a topic key to a place in the mesh. */
import type { KeyPair } from 'hyperdht'
import type { Logger } from '#shared/process/log.ts'
import { Router } from '#shared/rpc/router.ts'
import { ANNOUNCE_MS, createDht, DIAL_MS_MAX, LOOKUP_MS } from './discovery/dht.ts'
import { Mesh } from './mesh.ts'
import type { Membership } from './membership/membership.ts'
import type { ListeningRole, PeerRole } from '#shared/contracts/peers/role.ts'
import type { TopicKey } from './discovery/topic-key.ts'

interface OpenMeshOptions {
  topicKey: TopicKey
  role: PeerRole
  keyPair: KeyPair
  membership: Membership
  router?: Router
  relay?: KeyPair
  localSockets?: boolean
  neighbours?: (role: ListeningRole) => Iterable<string>
  log: Logger
}

/** The mesh is not started yet. */
export function openMesh(options: OpenMeshOptions): Mesh {
  const { topicKey, router = new Router(), ...rest } = options
  return new Mesh({
    dht: createDht(topicKey),
    lookupMs: LOOKUP_MS[topicKey.reach],
    announceMs: ANNOUNCE_MS[topicKey.reach],
    dialMsMax: DIAL_MS_MAX[topicKey.reach],
    router,
    // On the internet the DHT may be out of reach for hours, and this machine still serves itself.
    waitsForDht: topicKey.reach !== 'public',
    localSockets: true,
    ...rest
  })
}
