/**
 * Brings ready tasks and free places together: looks which lanes have tasks, decides which lane
 * gets which place, claims, and starts what it got. It runs when something has changed, and each
 * second for what nobody has told it; one look at a time.
 */
import type { Logger } from '#shared/process/log.ts'
import { Outage } from '#shared/kit/outage.ts'
import { Tally } from '#shared/kit/tally.ts'
import type { Store } from '#shared/store/store.ts'
import { allot, type Grant, type Lane, type Place } from '../schedule/allot.ts'
import type { Needs } from '../schedule/needs.ts'
import type { PausedLanes } from '../schedule/paused-lanes.ts'
import { choosePreempted } from '../schedule/preempt.ts'
import { countRunning } from '../store/attempts/count-running.ts'
import { readyLanes, type LanePlace, type LaneRow } from '../store/attempts/ready-lanes.ts'
import type { ClaimedTask } from '../store/rows.ts'
import { claim, type Quota } from './claim.ts'
import type { Runner } from './runner.ts'
import type { Runs } from './runs.ts'

interface SchedulerDeps {
  store: Store
  owner: string
  leaseMs: number
  runs: Runs
  runners: () => readonly Runner[]
  paused: PausedLanes
  quotaOf: (tenant: string) => Quota
  onClaimed: (task: ClaimedTask) => void
  log: Logger
}

/** Places that are kept for tasks which are about to be stored as claimed. */
export interface Reservation {
  readonly owner: string
  readonly leaseMs: number
  readonly grants: readonly Grant[]
  /** They are stored. */
  start(claimed: readonly ClaimedTask[]): void
  /** Nothing of it was stored. */
  release(): void
}

/** Lanes of one look; where there are more, the next look begins after them. */
const LANES_MAX = 256
const LOOK_MS = 1000
const BEGINNING: LanePlace = { tenant_id: '', needs_key: '' }

export class Scheduler {
  readonly #deps: SchedulerDeps
  readonly #outage: Outage
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | null = null
  #isDue = false
  #mayWait = true
  /** Lanes to look at without asking the database which there are. */
  #hinted: readonly Lane[] | null = null
  #isStopped = false
  #after: LanePlace = BEGINNING
  readonly #reserved = new Tally<string>() // at most the free places

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
    this.#outage = new Outage(deps.log, {
      begins: 'tasks cannot be claimed',
      ends: 'tasks are claimed again'
    })
  }

  get warning(): string | null {
    return this.#outage.warning
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.look()
  }

  /** Nothing is claimed after it has resolved. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#looking
  }

  look(): void {
    this.#isDue = true
    this.#hinted = null
    this.#looking ??= this.#whileDue().finally(() => (this.#looking = null))
  }

  /** Tasks have come into these lanes: where nothing else waits, that is all there is to know. */
  lookAt(lanes: readonly Lane[]): void {
    if (this.#mayWait || this.#isDue || lanes.length === 0) return this.look()
    this.look()
    this.#hinted = lanes
  }

  /**
   * Places for the ready tasks of a job that is about to be stored. Where nothing else waits and no
   * quota counts, they are stored as claimed, which saves the claim. Null: they take their turn.
   */
  reserve(lanes: readonly Lane[]): Reservation | null {
    const { paused, owner, leaseMs } = this.#deps
    if (this.#mayWait || this.#looking !== null || this.#isStopped) return null
    if (this.#isShared(lanes)) return null
    const open = lanes.filter((lane) => !paused.isPaused(lane))
    const running = new Map<string, number>()
    const runningMax = () => Infinity
    const { grants } = allot({ lanes: open, places: this.#places(), running, runningMax })
    if (grants.length === 0) return null
    const leave = grants.map(({ place }) => this.#reserved.enter(place))
    const release = () => {
      for (const each of leave) each()
    }
    const start = (claimed: readonly ClaimedTask[]) => {
      release()
      this.#startAll(claimed, grants)
    }
    return { owner, leaseMs, grants, start, release }
  }

  /** A place is free again. Where nothing has waited, nobody needs it. */
  freed(): void {
    if (this.#mayWait) this.look()
  }

  async #whileDue(): Promise<void> {
    await Promise.resolve() // what is said in one turn counts together
    while (this.#isDue && !this.#isStopped) {
      this.#isDue = false
      try {
        if (await this.#once()) this.#isDue = true
        this.#outage.worked()
      } catch (error) {
        this.#outage.failed(error) // the timer tries again
        return
      }
    }
  }

  /** True: there may be more to give at once. */
  async #once(): Promise<boolean> {
    const { store, runs } = this.#deps
    const places = this.#places()
    const canPreempt = runs.all.some(({ priority }) => priority === 'batch')
    if (!canPreempt && places.every(({ free }) => free === 0)) {
      this.#mayWait = true // whoever is free next looks
      return false
    }
    const { lanes: found, last } = await this.#lanes()
    const lanes = found.filter((lane) => !this.#deps.paused.isPaused(lane))
    const { quotaOf } = this.#deps
    const runningMax = (tenant: string) => quotaOf(tenant).runningTasks ?? Infinity
    const running = this.#isShared(lanes) ? await countRunning(store) : new Map<string, number>()
    const weightOf = (tenant: string) => quotaOf(tenant).weight ?? 1
    const now = { lanes, places: this.#places(), running, runningMax, weightOf }
    const given = allot(now)
    const { grants, full, lacking } = given
    runs.preempt(choosePreempted(full, places, runs.all))
    if (grants.length === 0) {
      // What lacks a place at all waits for a new one, and that makes us look.
      this.#mayWait = found.length > lacking.length || last !== null
      return last !== null
    }
    const claimed = await claim(this.#deps, grants)
    this.#startAll(claimed, grants)
    // A lane that gave less than it might have is empty, and its places are for others.
    const isEmpty = claimed.length < grants.length && lanes.length === 1
    if (isEmpty && last === null) this.#mayWait = false
    return !isEmpty && (last !== null || claimed.length > 0)
  }

  async #lanes(): Promise<{ lanes: readonly Lane[]; last: LanePlace | null }> {
    const hinted = this.#hinted
    this.#hinted = null
    this.#mayWait = true
    if (hinted !== null) return { lanes: hinted, last: null }
    const { lanes, last } = await readyLanes(this.#deps.store, this.#after, LANES_MAX)
    this.#after = last ?? BEGINNING
    this.#mayWait = lanes.length > 0 || last !== null
    return { lanes: lanes.map(laneOf), last }
  }

  /** What tenants have running matters where there are several, or a bound. */
  #isShared(lanes: readonly Lane[]): boolean {
    const tenants = new Set(lanes.map(({ tenant }) => tenant))
    const isBound = ([tenant]: readonly string[]) =>
      tenant !== undefined && this.#deps.quotaOf(tenant).runningTasks !== undefined
    return tenants.size > 1 || isBound([...tenants])
  }

  #places(): Place[] {
    return this.#deps.runners().map((runner) => ({
      key: runner.key,
      free: this.#free(runner),
      lacks: (needs, tenant) => runner.lacks(needs, tenant),
      suits: (needs) => runner.suits?.(needs) === true
    }))
  }

  #free({ key, places }: Runner): number {
    return Math.max(0, places - this.#deps.runs.at(key) - this.#reserved.of(key))
  }

  /** Each task at a place that was meant for its lane; near its inputs, if there is one. */
  #startAll(claimed: readonly ClaimedTask[], grants: readonly Grant[]): void {
    const { runs, runners } = this.#deps
    const byLane = Map.groupBy(grants, ({ lane }) => nameOf(lane.tenant, lane.needsKey))
    const byKey = new Map(runners().map((runner) => [runner.key, runner]))
    const promised = new Map<string, number>() // places of grants whose tasks have not begun
    for (const { place } of grants) promised.set(place, (promised.get(place) ?? 0) + 1)
    for (const task of claimed) {
      this.#deps.onClaimed(task)
      const meant = byLane.get(nameOf(task.tenant_id, task.needs_key)) ?? []
      // Any of the lane's places will do: the one where its inputs are comes first.
      const near = meant.findIndex(({ place }) => task.near?.includes(place) === true)
      const [grant] = meant.splice(Math.max(0, near), 1)
      if (grant !== undefined) promised.set(grant.place, promised.get(grant.place)! - 1)
      const isFree = (runner: Runner) => this.#free(runner) > (promised.get(runner.key) ?? 0)
      const nearer = near >= 0 ? undefined : nearest(task, byKey, isFree)
      const runner = nearer ?? (grant === undefined ? undefined : byKey.get(grant.place))
      // The worker may have gone while its task was on the way from the database.
      if (runner === undefined) runs.giveBack(task, 'the worker that was to run it has gone')
      else runs.start(task, runner)
    }
  }
}

function laneOf({ tenant_id: tenant, needs_key: needsKey, needs, priority, rank }: LaneRow): Lane {
  return { tenant, needsKey, needs: JSON.parse(needs) as Needs, priority, rank }
}

/** A worker that has made what the task needs, and has a place which nobody was promised. */
function nearest(
  { near, needs, tenant_id }: ClaimedTask,
  byKey: ReadonlyMap<string, Runner>,
  isFree: (runner: Runner) => boolean
): Runner | undefined {
  const wanted = JSON.parse(needs) as Needs
  return near
    ?.map((key) => byKey.get(key))
    .find((each) => each !== undefined && isFree(each) && each.lacks(wanted, tenant_id) === null)
}

const nameOf = (tenant: string, needsKey: string): string => `${needsKey}/${tenant}`
