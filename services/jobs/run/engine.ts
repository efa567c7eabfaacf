/**
 * Everything between a stored job and its end, put together: what is ready is claimed for free
 * places and run, what comes of it is written, leases are kept, readers are told.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { Live } from '../events/live.ts'
import { Notices } from '../events/notices.ts'
import { Texts } from '../events/texts.ts'
import type { Needs } from '../schedule/needs.ts'
import { allot, lackOfAll, type Lane } from '../schedule/allot.ts'
import { DirectRuns } from '../direct/direct-runs.ts'
import type { EndedRows } from '../direct/unstored.ts'
import { PausedLanes } from '../schedule/paused-lanes.ts'
import type { NewJob, NewTask } from '../store/jobs/insert-job.ts'
import type { ClaimedTask, TaskRow } from '../store/rows.ts'
import type { Quota } from './claim.ts'
import { HeldJobs } from './held-jobs.ts'
import { JobMetrics } from './job-metrics.ts'
import { inputOf } from './inputs.ts'
import { LEASE_MS, Leases } from './leases.ts'
import { Ledger } from './ledger.ts'
import { MapRunner } from './map-runner.ts'
import type { Runner } from './runner.ts'
import { Runs } from './runs.ts'
import { Scheduler, type Reservation } from './scheduler.ts'
import { settle, type Report, type Settled } from './settle.ts'

export interface EngineDeps {
  store: Store
  /** The key of this service, and the name of this life of it, which begins with the key. */
  peer: string
  owner: string
  artifacts: Artifacts
  /** Places beside those of the engine itself: workers, the mesh. */
  runners: () => readonly Runner[]
  quotaOf?: (tenant: string) => Quota
  leaseMs?: number
  /** The database opens in the background: nobody waits for it. */
  opensLater?: boolean
  now?: () => number
  random?: () => number
  log: Logger
}

const GREET_MS = 10_000
/** Until the database is tried again, and the time that a start waits for it. */
const OPEN_MS = 1000

export class Engine implements Service {
  readonly live = new Live()
  readonly notices: Notices
  readonly held: HeldJobs
  readonly #deps: EngineDeps
  readonly #runs: Runs
  readonly #ledger: Ledger
  readonly #leases: Leases
  readonly #scheduler: Scheduler
  readonly #paused: PausedLanes
  readonly #texts: Texts
  readonly #direct: DirectRuns
  readonly #map: MapRunner
  readonly #metrics: JobMetrics
  readonly #timers: NodeJS.Timeout[] = []
  #opening: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(deps: EngineDeps) {
    const { store, owner, log, leaseMs = LEASE_MS, quotaOf = () => ({}) } = deps
    const { now = () => performance.now(), random = Math.random } = deps
    this.#deps = deps
    this.#metrics = new JobMetrics(store)
    const notices = new Notices({ store, owner, now })
    this.notices = notices
    const look = () => this.#scheduler.look()
    this.#paused = new PausedLanes(now, random)
    this.held = new HeldJobs({ store, notices, quotaOf, onReady: look, log })
    this.#ledger = new Ledger({
      store,
      notices,
      owner,
      onWritten: (settled) => this.#written(settled),
      log
    })
    this.#texts = new Texts({
      live: this.live,
      send: (text) => notices.sendText(text),
      hasOthers: () => notices.hasOthers()
    })
    this.#direct = new DirectRuns({
      store,
      report: (given) => this.#ledger.report(given),
      onWritten: (settled) => this.#written(settled),
      fence: (names) => this.#runs.fence(names)
    })
    this.#runs = new Runs({
      report: (given) => {
        if (!this.#direct.take(given)) this.#ledger.report(given)
      },
      inputOf: (task, context) => inputOf(deps, task, context),
      kept: (task, result) => deps.artifacts.kept(task, result),
      onText: (task, offset, text) => this.#texts.pass(task, offset, text),
      onBegun: (task) => this.#paused.resume(nameOf(task)),
      onLater: (task, reason, retryAfterMs) => {
        const pauseMs = this.#paused.pause(nameOf(task), reason, retryAfterMs)
        this.#after(pauseMs, look)
      },
      onEnded: () => this.#scheduler.freed(),
      now,
      random
    })
    this.#map = new MapRunner({ ...deps, notices, onReady: look })
    const common = { ...deps, leaseMs, runs: this.#runs, now, random }
    const report = this.#ledger.report.bind(this.#ledger)
    const isStored = ({ job_id }: TaskRow) => !this.#direct.has(job_id)
    this.#leases = new Leases({ ...common, report, isStored })
    const runners = () => this.#runners()
    const onClaimed = (task: TaskRow) => this.#metrics.claimed(task)
    const lanes = { paused: this.#paused, quotaOf, onClaimed }
    this.#scheduler = new Scheduler({ ...common, ...lanes, runners })
  }

  /** Does not wait for a database that is away or still opens: jobs are run when it is there. */
  async start(): Promise<void> {
    this.#opening = this.#open()
    if (this.#deps.opensLater === true) return
    await Promise.race([this.#opening, sleep(OPEN_MS, undefined, { ref: false })])
  }

  async #open(): Promise<void> {
    const { log } = this.#deps
    for (let tries = 1; !this.#isStopped; tries++) {
      try {
        return await this.#begin()
      } catch (error) {
        if (tries === 1) log.warn({ reason: reasonOf(error) }, 'jobs wait for the database')
        await sleep(OPEN_MS)
      }
    }
  }

  async #begin(): Promise<void> {
    await this.notices.listen({
      onReady: () => this.look(),
      onChanged: (jobIds) => this.live.changed(jobIds),
      onCanceled: (jobIds) => this.#runs.cancel(jobIds),
      onText: (text) => this.live.text(text),
      onGap: () => {
        void this.#leases.renew()
        this.live.changedAll()
        this.look()
      }
    })
    await this.#leases.start()
    this.held.start()
    this.#scheduler.start()
    this.#metrics.start()
    const greet = () => void this.notices.greet().catch(() => {}) // it is greeted again
    greet()
    this.#timers.push(setInterval(greet, GREET_MS))
  }

  /** What runs is given back, and written. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#opening
    for (const timer of this.#timers) clearTimeout(timer)
    this.#metrics.stop()
    await this.#scheduler.stop()
    this.held.stop()
    this.#leases.stop()
    await this.#runs.stop()
    await this.#direct.stop()
    await this.#ledger.stop()
    this.#texts.stop()
    await this.notices.stop()
  }

  warnings(): string[] {
    const all = [this.#ledger.warning, this.#scheduler.warning, this.#leases.warning]
    return all.filter((warning) => warning !== null)
  }

  /** Tasks of a new job are ready. */
  lookAt(lanes: readonly Lane[]): void {
    this.#scheduler.lookAt(lanes)
  }

  /** What every place lacks for such a task now; null: one is there, though it may be taken. */
  lackFor(needs: Needs, tenant: string): string | null {
    const places = this.#runners().filter((runner) => runner.places > 0)
    return lackOfAll({ needs, tenant }, places)
  }

  /** Places for tasks of a job that is about to be stored; see `Scheduler.reserve`. */
  reserve(lanes: readonly Lane[]): Reservation | null {
    return this.#scheduler.reserve(lanes)
  }

  /** Runs the only task of a job whose caller waits, before it is stored; see `DirectRuns`. */
  runNow(job: NewJob, task: NewTask, reserved: Reservation): Promise<EndedRows | null> {
    return this.#direct.start(job, task, reserved)
  }

  /** A place has come, or a task. */
  look(): void {
    this.#scheduler.look()
  }

  /** Tasks of this service that run at a place. */
  runningAt(key: string): number {
    return this.#runs.at(key)
  }

  /** A worker has fetched the task by itself. */
  claimed(task: ClaimedTask): void {
    this.#metrics.claimed(task)
  }

  inputOf(task: TaskRow, context: RequestContext): Promise<unknown> {
    return inputOf(this.#deps, task, context)
  }

  /** What an owner says of attempts that do not run here. Returns how many of them count. */
  async report(owner: string, reports: readonly Report[]): Promise<number> {
    const { store } = this.#deps
    const settled = await settle({ store, notices: this.notices, owner }, reports)
    this.#written(settled)
    return settled.moved.length
  }

  cancel(jobId: string): void {
    this.#runs.cancel([jobId])
  }

  /** What a task that is queued waits for, as far as this service knows it. */
  whyWaiting(task: TaskRow): string | undefined {
    if (task.status !== 'Queued') return undefined
    if (task.waits_for > 0) return waitingForOthers(task)
    const lane = laneOf(task)
    const places = this.#runners().map((runner) => ({
      key: runner.key,
      free: Math.max(0, runner.places - this.#runs.at(runner.key)),
      lacks: runner.lacks.bind(runner)
    }))
    const running = new Map<string, number>()
    const runningMax = () => Infinity
    const { lacking, full } = allot({ lanes: [lane], places, running, runningMax })
    if (lacking[0] !== undefined) return lacking[0].lack
    const paused = this.#paused.reason(lane)
    if (paused !== undefined) return paused
    return full.length > 0 ? 'a free place' : undefined
  }

  #written(settled: Settled): void {
    const { changed, ready, endedFor, moved } = settled
    for (const { job_id, task_id, status } of moved) {
      if (status !== 'Running') this.live.forget(job_id, task_id)
    }
    this.#metrics.settled(settled)
    this.live.changed(changed)
    if (ready) this.look()
    void this.held.release(endedFor.filter((tenant) => this.held.isLimited(tenant)))
  }

  #runners(): readonly Runner[] {
    return [this.#map, ...this.#deps.runners()]
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      work()
    }, ms)
    this.#timers.push(timer)
  }
}

const nameOf = ({ tenant_id: tenant, needs_key: needsKey }: TaskRow) => ({ tenant, needsKey })

function laneOf(task: TaskRow): Lane {
  const needs = JSON.parse(task.needs) as Needs
  return { ...nameOf(task), needs, priority: task.priority, rank: 0 }
}

function waitingForOthers({ dependencies }: TaskRow): string {
  return dependencies.length === 0 ? 'its turn' : `tasks ${dependencies.join(', ')}`
}
