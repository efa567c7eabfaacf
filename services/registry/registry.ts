/** The list of what exists in the mesh: every peer reports here, and any peer may ask. */
import {
  registryList,
  registryShared,
  report,
  type MeshSnapshot,
  type PeerEntry,
  type PeerReport
} from '#shared/contracts/peers/peers.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { linkState, SeenLinks } from '#shared/mesh/link-states.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { PeerIdentity } from '#shared/rpc/peer-identity.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import type { MembershipDesk } from './membership/membership-desk.ts'
import { answerObjects } from './objects/answer-objects.ts'
import type { Catalogue } from './peers/catalogue.ts'
import { sharedModels } from './peers/shared-models.ts'
import { PeerRecorder } from './peers/peer-recorder.ts'
import { SnapshotPages } from './peers/snapshot-pages.ts'

interface RegistryDeps {
  join: JoinMesh
  catalogue: Catalogue
  /** The registry's report about itself. */
  self: PeerReport
  /** Where the peers that were seen are stored. Null: nowhere. */
  store?: Store | null
  /** Where machines are let in. Null: this registry cannot sign, or keeps nothing. */
  desk?: MembershipDesk | null
  log: Logger
}

export function createRegistry(deps: RegistryDeps): Service {
  const { join, catalogue, self, log, store = null, desk = null } = deps
  /** Made anew when something has changed, and not for each who asks. */
  let made: SnapshotPages | null = null
  const pages = () =>
    (made ??= new SnapshotPages(snapshot({ mesh, catalogue, self: own(), seen, desk })))
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
    .respond(registryList, async (query) => {
      if (query.links === true && query.after === undefined) {
        await seen.refresh()
        made = null
      }
      return pages().page(query, Date.now())
    })
    .respond(registryShared, () => ({ models: sharedModels(catalogue.reports()) }))
  desk?.answer(router)
  desk?.names.watch(() => (made = null))
  answerObjects(router, store)
  const mesh = join(router)
  const seen = new SeenLinks(mesh)
  observeMesh(mesh, ['gateway', 'orchestrator', 'jobs', 'worker'])
  mesh.on('lost', ({ peer }) => {
    made = null
    if (mesh.link(peer.key) === undefined) catalogue.removePeer(peer.key)
  })
  mesh.on('link', () => (made = null))
  return {
    async start() {
      await mesh.start()
      await recorder?.start()
      await desk?.start()
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
      await desk?.stop()
      await mesh.stop()
    }
  }
}

/** Only a worker holds models: whatever else claims to would be asked for them. */
function asReported({ worker, ...report }: PeerReport, { role }: PeerIdentity): PeerReport {
  return role === 'worker' && worker !== undefined ? { ...report, worker } : report
}

interface Known {
  mesh: Mesh
  catalogue: Catalogue
  self: PeerReport
  seen: SeenLinks
  desk: MembershipDesk | null
}

function snapshot({ mesh, catalogue, self, seen, desk }: Known): Omit<MeshSnapshot, 'now'> {
  const own: PeerEntry = { key: mesh.key, role: 'registry', rttMs: 0, path: 'local', ...self }
  const others = mesh.links().map((link) => {
    const { key } = link.peer
    const entry = entryOf(link, catalogue.peer(key), desk?.names.of(key))
    const links = seen.to(entry.key)
    return links.length === 0 ? entry : { ...entry, links }
  })
  return { peers: [own, ...others], models: catalogue.models() }
}

/** `called`: by the mesh, where its certificate may say something older. */
function entryOf(
  link: PeerLink,
  report: PeerReport | undefined,
  called: string | undefined
): PeerEntry {
  const { peer } = link
  const { host, version, worker, heldAgainst, warnings } = report ?? { host: '', version: '' }
  const entry: PeerEntry = {
    key: peer.key,
    role: peer.role as PeerRole,
    host,
    version,
    ...linkState(link)
  }
  const name = called ?? peer.name ?? ''
  if (name !== '') entry.name = name
  if (worker !== undefined) entry.worker = worker
  if (heldAgainst !== undefined && peer.role === 'orchestrator') entry.heldAgainst = heldAgainst
  if (warnings !== undefined) entry.warnings = warnings
  return entry
}
