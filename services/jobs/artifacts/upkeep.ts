/**
 * What has to be done with artifacts and ended jobs while nobody asks for them: copies are made,
 * and what a tenant keeps no longer is removed wherever it is.
 */
import { dropWorkerArtifacts } from '#shared/contracts/jobs/artifacts.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Outage } from '#shared/kit/outage.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Store } from '#shared/store/store.ts'
import {
  IN_STORE,
  markCopied,
  removeExpired,
  tenantsWithArtifacts,
  uncopied
} from '../store/artifacts/artifacts.ts'
import { removeChunks, removeLostChunks } from '../store/artifacts/chunks.ts'
import { removeOldJobs, tenantsWithJobs } from '../store/jobs/remove-old.ts'
import type { Artifacts } from './artifacts.ts'
import type { Copies } from './copies.ts'

interface UpkeepDeps {
  store: Store
  artifacts: Artifacts
  copies: Copies | null
  links: () => PeerLink[]
  /** How long a tenant's artifacts are kept. */
  days: (tenant: string) => number
  /** How long its jobs are kept after their end, and what they have made at most. */
  jobDays: (tenant: string) => number
  outage: Outage
}

const SWEEP_MS = 600_000
const COPY_MS = 2000
/** Of one round. */
const REMOVED_MAX = 500
/** A job may have 1,000 tasks and 10,000 events, which go with it. */
const JOBS_REMOVED_MAX = 50
const JOB_ROUNDS_MAX = 100
const COPIED_MAX = 50
const COPY_MS_MAX = 600_000
const DROP_MS_MAX = 5000

export class ArtifactUpkeep implements Service {
  readonly #deps: UpkeepDeps
  #timers: NodeJS.Timeout[] = []
  #copying: Promise<void> | null = null

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
  }

  async start(): Promise<void> {
    this.#timers = [setInterval(() => void this.#quietly(() => this.sweep()), SWEEP_MS)]
    if (this.#deps.copies === null) return
    this.#timers.push(setInterval(() => void this.#quietly(() => this.copy()), COPY_MS))
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#copying?.catch(() => {}) // it was reported
  }

  /** Removes what is older than its tenant keeps it. */
  async sweep(): Promise<void> {
    const { store, days, jobDays } = this.#deps
    await removeLostChunks(store)
    for (const tenant of await tenantsWithArtifacts(store)) {
      for (;;) {
        const kept = Math.min(days(tenant), jobDays(tenant))
        const removed = await removeExpired(store, tenant, kept, REMOVED_MAX)
        await this.#drop(removed)
        if (removed.length < REMOVED_MAX) break
      }
    }
    for (const tenant of await tenantsWithJobs(store)) {
      for (let round = 0; round < JOB_ROUNDS_MAX; round++) {
        const removed = await removeOldJobs(store, tenant, jobDays(tenant), JOBS_REMOVED_MAX)
        if (removed < JOBS_REMOVED_MAX) break
      }
    }
  }

  /** One round at a time, of what connected workers and the database keep. */
  copy(): Promise<void> {
    this.#copying ??= this.#copyAll().finally(() => (this.#copying = null))
    return this.#copying
  }

  async #copyAll(): Promise<void> {
    const { store, artifacts, copies, links } = this.#deps
    if (copies === null) return
    const holders = [IN_STORE, ...links().map(({ peer }) => peer.key)]
    for (const row of await uncopied(store, holders, COPIED_MAX)) {
      using context = createContext({ timeoutMs: COPY_MS_MAX })
      await copies.put(row.sha256, artifacts.read(row, 0, row.bytes, context), row.bytes)
      await markCopied(store, row.sha256)
    }
  }

  async #drop(removed: Awaited<ReturnType<typeof removeExpired>>): Promise<void> {
    const { store, copies, links } = this.#deps
    const stored = removed.filter(({ holder }) => holder === IN_STORE)
    if (stored.length > 0) await removeChunks(store, stored.map(shaOf))
    const copied = removed.filter((each) => each.copied)
    if (copied.length > 0) await copies?.drop(copied.map(shaOf))
    for (const link of links()) {
      const own = removed.filter(({ holder }) => holder === link.peer.key)
      if (own.length === 0) continue
      using context = createContext({ timeoutMs: DROP_MS_MAX })
      // A worker that does not hear of it removes them itself when nobody has read them for long.
      await link.call(dropWorkerArtifacts, { sha256: own.map(shaOf) }, context).catch(() => {})
    }
  }

  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#deps.outage.worked()
    } catch (error) {
      this.#deps.outage.failed(error)
    }
  }
}

const shaOf = ({ sha256 }: { sha256: string }): string => sha256
