/** The artifacts of a jobs service: answered for, copied, and removed in their time. */
import { readBundle } from '#shared/contracts/functions/methods.ts'
import { findArtifact, readArtifact, readRunArtifact } from '#shared/contracts/jobs/artifacts.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { Logger } from '#shared/process/log.ts'
import { itemByItem } from '#shared/rpc/items.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import { Artifacts } from './artifacts.ts'
import { Copies, type S3Config } from './copies.ts'
import { ArtifactUpkeep } from './upkeep.ts'

interface ArtifactQuota {
  max_artifact_bytes?: number
  artifact_days?: number
  job_days?: number
}

interface KeptArtifactsDeps {
  mesh: Mesh
  router: Router
  store: Store
  /** Null: there are no copies. */
  s3: S3Config | null
  quotaOf: (tenant: string) => ArtifactQuota
  log: Logger
}

const DAYS = 30
const JOB_DAYS = 90

export function keptArtifacts({ mesh, router, store, s3, quotaOf, log }: KeptArtifactsDeps) {
  const copies = s3 === null ? null : new Copies(s3)
  const registries = new PeerPool(mesh, 'registry')
  const artifacts = new Artifacts({
    store,
    link: (key) => mesh.link(key),
    copies,
    readBundle: async function* (sha256, context) {
      yield* itemByItem(registries.batches(readBundle, { sha256 }, context))
      return {}
    },
    bytesMax: (tenant) => quotaOf(tenant).max_artifact_bytes ?? Infinity
  })
  const upkeep = new ArtifactUpkeep({
    store,
    artifacts,
    copies,
    links: () => mesh.links('worker'),
    days: (tenant) => quotaOf(tenant).artifact_days ?? DAYS,
    jobDays: (tenant) => quotaOf(tenant).job_days ?? JOB_DAYS,
    outage: new Outage(log, {
      begins: 'artifacts are neither copied nor removed',
      ends: 'artifacts are looked after again'
    })
  })
  router
    .respond(findArtifact, (of) => artifacts.facts(of))
    .serve(readArtifact, (of, context) => artifacts.readFor(of, context))
    .serve(readRunArtifact, (of, context) => artifacts.readForRun(of, context.peer.key, context))
  return { artifacts, upkeep }
}
