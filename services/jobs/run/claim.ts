/** Claims tasks for places that their lanes were given, none beyond the quota of a tenant. */
import type { Store } from '#shared/store/store.ts'
import type { Grant } from '../schedule/allot.ts'
import { claimTasks, type LaneClaim } from '../store/attempts/claim-tasks.ts'
import { countRunning } from '../store/attempts/count-running.ts'
import type { ClaimedTask } from '../store/rows.ts'

/** What a tenant may have at a time; absent: no bound. */
export interface Quota {
  runningTasks?: number
  runningJobs?: number
  /** Of its share; 1 unless given. */
  weight?: number
}

interface ClaimDeps {
  store: Store
  owner: string
  leaseMs: number
  quotaOf: (tenant: string) => Quota
}

/** Claims of one tenant with a quota, anywhere, one after the other. Any number of ours. */
const QUOTA_LOCK = 7_415_030

export async function claim(deps: ClaimDeps, grants: readonly Grant[]): Promise<ClaimedTask[]> {
  const { store, quotaOf } = deps
  const claims = claimsOf(grants)
  const isLimited = claims.some(({ tenant_id }) => quotaOf(tenant_id).runningTasks !== undefined)
  if (!isLimited) return claimTasks(store, deps, claims)
  return store.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [QUOTA_LOCK])
    const running = await countRunning(tx)
    const left = claims.map((each) => {
      const max = quotaOf(each.tenant_id).runningTasks ?? Infinity
      const before = running.get(each.tenant_id) ?? 0
      const places = Math.max(0, Math.min(each.places, max - before))
      running.set(each.tenant_id, before + places)
      return { ...each, places }
    })
    return claimTasks(tx, deps, left)
  })
}

function claimsOf(grants: readonly Grant[]): LaneClaim[] {
  const lanes = Map.groupBy(grants, ({ lane }) => `${lane.needsKey}/${lane.tenant}`)
  return [...lanes.values()].map((own) => {
    const { tenant, needsKey } = own[0]!.lane
    return { tenant_id: tenant, needs_key: needsKey, places: own.length }
  })
}
