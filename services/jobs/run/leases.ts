/**
 * Keeps the leases of what runs here, and ends those that others have let run out (J3). After the
 * database was away nobody sweeps for one lease, so that owners come first (J16).
 */
import { HaifError } from '#shared/errors.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { endOwnLeases, expiredTasks } from '../store/attempts/expired-tasks.ts'
import { renewLeases } from '../store/attempts/renew-leases.ts'
import { isHttpWorker, type AttemptName, type TaskRow } from '../store/rows.ts'
import { failed, type Runs } from './runs.ts'
import type { Report } from './settle.ts'

interface LeasesDeps {
  store: Store
  /** The key of this service, and the name of this life of it. */
  peer: string
  owner: string
  leaseMs: number
  runs: Runs
  /** False: the task of this attempt is in no row yet. */
  isStored: (task: TaskRow) => boolean
  report: (report: Report) => void
  now: () => number
  random: () => number
  log: Logger
}

export const LEASE_MS = 15_000
/** Renewals within a lease: two may fail. */
const RENEWALS = 3
const SWEEP_MS = 1000
const SWEPT_MAX = 500

export class Leases {
  readonly #deps: LeasesDeps
  readonly #outage: Outage
  #timers: NodeJS.Timeout[] = []
  /** Until then others may still come back for what is theirs. */
  #quietUntil = 0

  constructor(deps: LeasesDeps) {
    this.#deps = deps
    this.#outage = new Outage(deps.log, {
      begins: 'leases of tasks cannot be renewed',
      ends: 'leases of tasks are renewed again'
    })
  }

  get warning(): string | null {
    return this.#outage.warning
  }

  async start(): Promise<void> {
    const { store, peer, owner, leaseMs } = this.#deps
    await endOwnLeases(store, `${peer}/`, owner)
    this.#timers = [
      setInterval(() => void this.renew(), leaseMs / RENEWALS),
      setInterval(() => void this.sweep(), Math.min(SWEEP_MS, leaseMs / RENEWALS))
    ]
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  async renew(): Promise<void> {
    const { store, runs, isStored } = this.#deps
    const held = runs.all.map(({ task }) => task).filter(isStored)
    if (held.length === 0) return
    const kept = await this.#quietly(() => renewLeases(store, this.#deps, held))
    if (kept === undefined) return
    const mine = new Set(kept.map(nameOf))
    runs.fence(held.filter((task) => !mine.has(nameOf(task))))
  }

  async sweep(): Promise<void> {
    const { store, report, random, now } = this.#deps
    if (now() < this.#quietUntil) return
    const expired = await this.#quietly(() => expiredTasks(store, SWEPT_MAX))
    for (const task of expired ?? []) report(lossOf(task, random()))
  }

  async #quietly<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      const result = await work()
      this.#outage.worked()
      return result
    } catch (error) {
      this.#outage.failed(error)
      this.#quietUntil = this.#deps.now() + this.#deps.leaseMs
      return undefined
    }
  }
}

/** Of a worker that has fetched it by itself: then the worker is lost, and not a service. */
function lossOf(task: TaskRow, random: number): Report {
  const { worker, owner, claimed_at, timeout_ms } = task
  if (!isHttpWorker(owner)) {
    const lost = new HaifError('PEER_LOST', 'the service that ran the task was lost')
    return failed(task, worker, lost, random)
  }
  const isLate = task.leased_until!.getTime() >= claimed_at!.getTime() + timeout_ms
  const error = isLate
    ? new HaifError('DEADLINE_EXCEEDED', `the task took more than ${timeout_ms} ms`)
    : new HaifError('WORKER_LOST', 'the worker that had the task was not heard of any more')
  return failed(task, worker, error, random)
}

const nameOf = ({ job_id, task_id, attempt }: AttemptName): string =>
  `${job_id}/${task_id}/${attempt}`
