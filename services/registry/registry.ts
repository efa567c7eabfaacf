/** The list of what exists in the mesh: every peer reports here, and any peer may ask. */
import {
  registryList,
  report,
  type MeshSnapshot,
  type PeerEntry,
  type PeerReport
} from '#shared/contracts/peers/peers.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { PeerIdentity } from '#shared/rpc/peer-identity.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import type { Catalogue } from './peers/catalogue.ts'
import { PeerRecorder } from './peers/peer-recorder.ts'
import { SnapshotPages } from './peers/snapshot-pages.ts'

interface RegistryDeps {
  join: JoinMesh
  catalogue: Catalogue
  /** The registry's report about itself. */
  self: PeerReport
  /** Where the peers that were seen are stored. Null: nowhere. */
  store?: Store | null
  log: Logger
}

export function createRegistry(deps: RegistryDeps): Service {
  const { join, catalogue, self, log, store = null } = deps
  /** Made anew when something has changed, and not for each who asks. */
  let made: SnapshotPages | null = null
  const pages = () => (made ??= new SnapshotPages(snapshot(mesh, catalogue, own())))
  const recorder = store === null ? null : new PeerRecorder({ store, log })
  const own = () => ({ ...self, ...recorder?.warnings() })
  const router = new Router()
    .respond(report, (peerReport, { peer }) => {
      // The call may have been under way when its connection was lost.
      if (mesh.link(peer.key) === undefined) return {}
      const fitting = asReported(peerReport, peer)
      catalogue.setPeer(peer.key, fitting)
      made = null
      recorder?.record(peer.key, peer.role as PeerRole, fitting)
      return {}
    })
    .respond(registryList, (query) => pages().page(query, Date.now()))
  const mesh = join(router)
  observeMesh(mesh, ['gateway', 'orchestrator', 'worker'])
  mesh.on('lost', ({ peer }) => {
    made = null
    if (mesh.link(peer.key) === undefined) catalogue.removePeer(peer.key)
  })
  mesh.on('link', () => (made = null))
  return {
    async start() {
      await mesh.start()
      await recorder?.start()
      recorder?.record(mesh.key, 'registry', self)
      // Not waited for: until it is known, a model is as old as this registry has known it.
      recorder?.firstSeen().then(
        (firstSeen) => catalogue.remember(firstSeen),
        (error: unknown) => log.warn({ err: error }, 'cannot read when models were first seen')
      )
      log.info({ peer: mesh.key }, 'registry is up')
    },
    health: () => ({ ready: true, ...recorder?.warnings() }),
    async stop() {
      await recorder?.stop()
      await mesh.stop()
    }
  }
}

/** Only a worker holds models: whatever else claims to would be asked for them. */
function asReported({ worker, ...report }: PeerReport, { role }: PeerIdentity): PeerReport {
  return role === 'worker' && worker !== undefined ? { ...report, worker } : report
}

function snapshot(mesh: Mesh, catalogue: Catalogue, self: PeerReport): Omit<MeshSnapshot, 'now'> {
  const own: PeerEntry = { key: mesh.key, role: 'registry', rttMs: 0, relayed: false, ...self }
  const others = mesh.links().map((link) => entryOf(link, catalogue.peer(link.peer.key)))
  return { peers: [own, ...others], models: catalogue.models() }
}

function entryOf({ peer, rttMs, path }: PeerLink, report: PeerReport | undefined): PeerEntry {
  const { host, version, worker, heldAgainst, warnings } = report ?? { host: '', version: '' }
  const entry: PeerEntry = {
    key: peer.key,
    role: peer.role as PeerRole,
    host,
    version,
    rttMs,
    relayed: path === 'relayed'
  }
  if (worker !== undefined) entry.worker = worker
  if (heldAgainst !== undefined && peer.role === 'orchestrator') entry.heldAgainst = heldAgainst
  if (warnings !== undefined) entry.warnings = warnings
  return entry
}
