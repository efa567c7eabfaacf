/**
 * Which lane gets which free place. Interactive tasks come first, and with them whoever has waited
 * longer than their head start. Among those tenants take turns: each place goes to the one with the
 * least running for its weight that can use it, and within a tenant to the lane whose first task
 * comes first (J12, J13).
 */
import type { JobPriority } from '#shared/contracts/jobs/submit.ts'
import { lackOfType, type Needs } from './needs.ts'

export interface Lane {
  tenant: string
  needsKey: string
  needs: Needs
  /** Of its first task. */
  priority: JobPriority
  rank: number
  /** How many tasks stand in it; absent: as many as there are places, for all one knows. */
  tasks?: number
}

export interface Place {
  key: string
  free: number
  /** What the place lacks for such a task; null: nothing. */
  lacks: (needs: Needs, tenant: string) => string | null
  /** It would begin sooner there than at others that lack nothing, either. */
  suits?: (needs: Needs) => boolean
}

interface Situation {
  lanes: readonly Lane[]
  places: readonly Place[]
  /** Tasks of each tenant that run, anywhere. */
  running: ReadonlyMap<string, number>
  /** How many of a tenant's tasks may run; Infinity: as many as there are places. */
  runningMax: (tenant: string) => number
  /** Twice the weight of another: twice as many places. 1 unless given. */
  weightOf?: (tenant: string) => number
}

export interface Grant {
  lane: Lane
  place: string
}

interface Allotment {
  grants: Grant[]
  /** Lanes for which there are places, all of them taken. */
  full: Lane[]
  /** Lanes for which there is no place at all, and what is lacking. */
  lacking: { lane: Lane; lack: string }[]
}

/** A lane that can use a free place, and the places that fit it. */
interface Open {
  lane: Lane
  fitting: Place[]
  given: number
}

/** Places given in one go; what is left is given in the next. */
const GRANTS_MAX = 256

export function allot(situation: Situation): Allotment {
  const { lanes, places, running } = situation
  const free = new Map(places.map((place) => [place.key, place.free]))
  const counts = new Map(running)
  const result: Allotment = { grants: [], full: [], lacking: [] }
  const open: Open[] = []
  for (const lane of lanes) {
    const fitting = places.filter(({ lacks }) => lacks(lane.needs, lane.tenant) === null)
    const lack = fitting.length === 0 ? lackOfAll(lane, places) : null
    if (lack !== null) result.lacking.push({ lane, lack })
    else if (fitting.every((place) => place.free === 0)) result.full.push(lane)
    else open.push({ lane, fitting, given: 0 })
  }
  open.sort((a, b) => a.lane.rank - b.lane.rank)
  const urgent = urgentOf(open)
  while (result.grants.length < GRANTS_MAX) {
    const next = nextOf(urgent, counts, situation) ?? nextOf(open, counts, situation)
    if (next === null) break
    const { lane, fitting } = next
    const suiting = fitting.filter(({ suits }) => suits?.(lane.needs) === true)
    const place = freest(suiting, free) ?? freest(fitting, free)
    if (place === null) {
      remove(open, next)
      remove(urgent, next)
      continue
    }
    result.grants.push({ lane, place: place.key })
    if (++next.given === lane.tasks) {
      remove(open, next)
      remove(urgent, next)
    }
    free.set(place.key, free.get(place.key)! - 1)
    counts.set(lane.tenant, (counts.get(lane.tenant) ?? 0) + 1)
  }
  return result
}

/** Interactive lanes, and those whose first task has waited so long that it comes before them. */
function urgentOf(open: readonly Open[]): Open[] {
  const first = open.find(({ lane }) => lane.priority === 'interactive')
  if (first === undefined) return []
  return open.filter(({ lane }) => lane.priority === 'interactive' || lane.rank <= first.lane.rank)
}

function remove(list: Open[], gone: Open): void {
  const at = list.indexOf(gone)
  if (at >= 0) list.splice(at, 1)
}

/** `open` is in the order of ranks, so the first of a tenant is its next one. */
function nextOf(
  open: readonly Open[],
  counts: ReadonlyMap<string, number>,
  { runningMax, weightOf = () => 1 }: Situation
): Open | null {
  let best: Open | null = null
  let least = Infinity
  for (const each of open) {
    const { tenant } = each.lane
    const count = counts.get(tenant) ?? 0
    const share = count / weightOf(tenant)
    if (share >= least || count >= runningMax(tenant)) continue
    best = each
    least = share
  }
  return best
}

function freest(places: readonly Place[], free: ReadonlyMap<string, number>): Place | null {
  let best: Place | null = null
  let most = 0
  for (const place of places) {
    const count = free.get(place.key)!
    if (count <= most) continue
    best = place
    most = count
  }
  return best
}

/**
 * What the place that comes nearest lacks; the first that is named is as good as any. Null where
 * one lacks nothing.
 */
export function lackOfAll(
  { needs, tenant }: Pick<Lane, 'needs' | 'tenant'>,
  places: readonly Pick<Place, 'lacks'>[]
): string | null {
  const lacks = places.map((place) => place.lacks(needs, tenant))
  if (lacks.includes(null)) return null
  // The kind of task is looked at first: whoever lacks something else comes nearer.
  return lacks.find((lack) => lack !== lackOfType(needs)) ?? lackOfType(needs)
}
