/**
 * Measures a peer's place in the mesh: its connections, by role and path, how good they are, and
 * how they change.
 */
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { counter, gauge } from '#shared/telemetry/instruments.ts'
import type { Mesh } from './mesh.ts'

/**
 * `expected`: roles that are shown as 0, too, because a missing peer must not be a missing line.
 */
export function observeMesh(mesh: Mesh, expected: readonly PeerRole[]): void {
  const service = mesh.role
  const events = counter('haif_peer_connections_total')
  const count = (event: string) => (link: PeerLink) =>
    events.add(1, { service, role: link.peer.role, event })
  mesh.on('link', count('open'))
  mesh.on('lost', count('lost'))
  gauge('haif_peers').addCallback((result) => {
    const counts = new Map(expected.map((role) => [`${role} direct`, 0]))
    for (const { peer, path } of mesh.links()) {
      const key = `${peer.role} ${path}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    for (const [key, peers] of counts) {
      const [role, path] = key.split(' ')
      result.observe(peers, { service, role, path })
    }
  })
  const worst = (name: 'haif_link_rtt_seconds' | 'haif_link_loss_ratio', of: Measure) =>
    gauge(name).addCallback((result) => {
      for (const [key, value] of worstOf(mesh.links(), of)) {
        const [role, path] = key.split(' ')
        result.observe(value, { service, role, path })
      }
    })
  worst('haif_link_rtt_seconds', ({ rttMs }) => rttMs / 1000)
  worst('haif_link_loss_ratio', ({ lossPercent }) => lossPercent / 100)
}

type Measure = (link: Pick<PeerLink, 'rttMs' | 'lossPercent'>) => number

/** The highest value by role and path: a peer has no label, because there may be thousands. */
export function worstOf(links: readonly PeerLink[], of: Measure): Map<string, number> {
  const worst = new Map<string, number>()
  for (const link of links) {
    const key = `${link.peer.role} ${link.path}`
    worst.set(key, Math.max(worst.get(key) ?? 0, of(link)))
  }
  return worst
}
