/** From a topic key to a place in the mesh. */
import type { KeyPair } from 'hyperdht'
import type { Logger } from '#shared/process/log.ts'
import { Router } from '#shared/rpc/router.ts'
import { ANNOUNCE_MS, createDht, DIAL_MS_MAX, LOOKUP_MS, LOOKUP_MS_MAX } from './discovery/dht.ts'
import type { TlsPlace } from './connection/tls/tls-entrance.ts'
import type { TlsAddress } from './connection/tls/tls-address.ts'
import { Mesh } from './mesh.ts'
import { MeshNode } from './node.ts'
import type { Membership } from './membership/membership.ts'
import type { ListeningRole, PeerRole } from '#shared/contracts/peers/role.ts'
import type { TopicKey } from './discovery/topic-key.ts'

interface OpenMeshOptions {
  topicKey: TopicKey
  /** Shared with other peers of the process; absent: one of its own. */
  node?: MeshNode
  /** For a node of its own: where relays listen for TLS. */
  tlsRelays?: () => readonly TlsAddress[]
  role: PeerRole
  keyPair: KeyPair
  membership: Membership
  router?: Router
  relays?: boolean
  tls?: TlsPlace
  localSockets?: boolean
  neighbours?: (role: ListeningRole) => Iterable<string>
  log: Logger
}

/** The mesh is not started yet. */
export function openMesh(options: OpenMeshOptions): Mesh {
  const { topicKey, tlsRelays, router = new Router(), ...rest } = options
  const { node = openNode(topicKey, tlsRelays) } = rest
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
export function openNode(
  topicKey: Pick<TopicKey, 'reach' | 'bootstrap'>,
  tlsRelays: () => readonly TlsAddress[] = () => []
): MeshNode {
  return new MeshNode(createDht(topicKey), { isMetered: topicKey.reach === 'public', tlsRelays })
}
