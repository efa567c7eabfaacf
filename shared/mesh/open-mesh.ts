/** From a topic key to a place in the mesh. */
import type { KeyPair } from 'hyperdht'
import type { Logger } from '#shared/process/log.ts'
import { Router } from '#shared/rpc/router.ts'
import { ANNOUNCE_MS, createDht, DIAL_MS_MAX, LOOKUP_MS, LOOKUP_MS_MAX } from './discovery/dht.ts'
import { Mesh } from './mesh.ts'
import { MeshNode } from './node.ts'
import type { Membership } from './membership/membership.ts'
import type { ListeningRole, PeerRole } from '#shared/contracts/peers/role.ts'
import type { TopicKey } from './discovery/topic-key.ts'

interface OpenMeshOptions {
  topicKey: TopicKey
  /** Shared with other peers of the process; absent: one of its own. */
  node?: MeshNode
  role: PeerRole
  keyPair: KeyPair
  membership: Membership
  router?: Router
  relays?: boolean
  localSockets?: boolean
  neighbours?: (role: ListeningRole) => Iterable<string>
  log: Logger
}

/** The mesh is not started yet. */
export function openMesh(options: OpenMeshOptions): Mesh {
  const { topicKey, node = openNode(topicKey), router = new Router(), ...rest } = options
  return new Mesh({
    dht: node,
    lookupMs: LOOKUP_MS[topicKey.reach],
    lookupMsMax: LOOKUP_MS_MAX[topicKey.reach],
    announceMs: ANNOUNCE_MS[topicKey.reach],
    dialMsMax: DIAL_MS_MAX[topicKey.reach],
    needsRelays: topicKey.reach === 'public',
    router,
    // On the internet the DHT may be out of reach for hours, and this machine still serves itself.
    waitsForDht: topicKey.reach !== 'public',
    localSockets: true,
    ...rest
  })
}

/** The DHT node for all peers of a process. It ends with the last of them. */
export function openNode(topicKey: Pick<TopicKey, 'reach' | 'bootstrap'>): MeshNode {
  return new MeshNode(createDht(topicKey), { isMetered: topicKey.reach === 'public' })
}
