/** Measures a peer's place in the mesh: whom it is connected to, by which path, and how that changes. */
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { counter, gauge } from './instruments.ts'

/** Whom a role keeps connections to: told as 0 too, because a missing peer must not be a missing line. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  bridge: ['gateway', 'registry'],
  gateway: ['orchestrator', 'registry'],
  orchestrator: ['worker', 'registry'],
  registry: ['gateway', 'orchestrator', 'worker'],
  worker: ['orchestrator', 'registry']
}

export function observeMesh(mesh: Mesh): void {
  const service = mesh.role
  const events = counter('haif_peer_connections_total')
  const count = (event: string) => (link: PeerLink) =>
    events.add(1, { service, role: link.peer.role, event })
  mesh.on('link', count('open'))
  mesh.on('lost', count('lost'))
  gauge('haif_peers').addCallback((result) => {
    const counts = new Map((EXPECTED[service] ?? []).map((role) => [`${role} direct`, 0]))
    for (const { peer, path } of mesh.links()) {
      const key = `${peer.role} ${path}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    for (const [key, peers] of counts) {
      const [role, path] = key.split(' ')
      result.observe(peers, { service, role, path })
    }
  })
}
