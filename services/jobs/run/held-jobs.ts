/** Jobs of tenants that may have so many at a time only: each begins when another has ended. */
import type { Logger } from '#shared/process/log.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Store } from '#shared/store/store.ts'
import type { Notices } from '../events/notices.ts'
import { releaseHeld } from '../store/jobs/release-held.ts'
import type { Quota } from './claim.ts'

interface HeldJobsDeps {
  store: Store
  notices: Notices
  quotaOf: (tenant: string) => Quota
  onReady: () => void
  log: Logger
}

/** For quotas that were raised, and for what a service that died has left undone. */
const LOOK_MS = 5000
const TENANTS_MAX = 100

export class HeldJobs {
  readonly #deps: HeldJobsDeps
  #timer: NodeJS.Timeout | undefined

  constructor(deps: HeldJobsDeps) {
    this.#deps = deps
  }

  isLimited(tenant: string): boolean {
    return this.#deps.quotaOf(tenant).runningJobs !== undefined
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async release(tenants: Iterable<string>): Promise<void> {
    const { store, notices, quotaOf, onReady, log } = this.#deps
    for (const tenant of new Set(tenants)) {
      const max = quotaOf(tenant).runningJobs ?? Infinity
      try {
        const begun = await store.transaction(async (tx) => {
          const ids = await releaseHeld(tx, tenant, max)
          if (ids.length > 0) await notices.tell(tx, { changed: ids, ready: true })
          return ids
        })
        if (begun.length > 0) onReady()
      } catch (error) {
        log.debug({ reason: reasonOf(error) }, 'held jobs are looked at again later')
      }
    }
  }

  async #look(): Promise<void> {
    const rows = await this.#deps.store
      .query<{ tenant_id: string }>(
        `select distinct tenant_id from jobs
         where held and status in ('Queued', 'Running') limit $1`,
        [TENANTS_MAX]
      )
      .catch(() => []) // the database is away: others say so
    await this.release(rows.map(({ tenant_id }) => tenant_id))
  }
}
