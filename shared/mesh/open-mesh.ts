/** From the address of a mesh to a place in it. */
import type { KeyPair } from 'hyperdht'
import type { Logger } from '#shared/process/log.ts'
import { Router } from '#shared/rpc/router.ts'
import { ANNOUNCE_MS, createDht, DIAL_MS_MAX, LOOKUP_MS, LOOKUP_MS_MAX } from './discovery/dht.ts'
import type { TlsPlace } from './connection/tls/tls-entrance.ts'
import { TlsRelays } from './connection/tls/tls-relays.ts'
import { Mesh } from './mesh.ts'
import { hostTopicOf } from './discovery/topics.ts'
import { MeshNode } from './node.ts'
import type { Membership } from './membership/membership.ts'
import type { ListeningRole, PeerRole } from '#shared/contracts/peers/role.ts'
import type { MeshAddress } from './discovery/mesh-address.ts'

interface OpenMeshOptions {
  address: Pick<MeshAddress, 'reach' | 'bootstrap'>
  /** Shared with other peers of the process; absent: one of its own. */
  node?: MeshNode
  /** For a node of its own: relays that listen for TLS. */
  tlsRelays?: TlsRelays
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
  const { address, tlsRelays, router = new Router(), ...rest } = options
  const { node = openNode(address, tlsRelays) } = rest
  if (address.reach === 'lan') node.hearBeacons(hostTopicOf(rest.membership.mesh))
  return new Mesh({
    dht: node,
    lookupMs: LOOKUP_MS[address.reach],
    lookupMsMax: LOOKUP_MS_MAX[address.reach],
    announceMs: ANNOUNCE_MS[address.reach],
    dialMsMax: DIAL_MS_MAX[address.reach],
    needsRelays: address.reach === 'public',
    router,
    // On the internet the DHT may be out of reach for hours, and this machine still serves itself.
    waitsForDht: address.reach !== 'public',
    localSockets: true,
    ...rest
  })
}

/** The DHT node for all peers of a process. It ends with the last of them. */
export function openNode(
  address: Pick<MeshAddress, 'reach' | 'bootstrap'>,
  tlsRelays = new TlsRelays()
): MeshNode {
  return new MeshNode(createDht(address), {
    isMetered: address.reach === 'public',
    tlsRelays
  })
}
