/**
 * What happens to jobs and tasks, as metrics. What is counted is counted by the service that did
 * it; what stands in the database every service tells alike, so that queries take the largest.
 */
import type { TaskState } from '#shared/contracts/jobs/views.ts'
import type { Store } from '#shared/store/store.ts'
import { counter, gauge, histogram } from '#shared/telemetry/instruments.ts'
import type { MovedTask } from '../store/attempts/fenced.ts'
import { readBacklog, type Backlog } from '../store/jobs/read-backlog.ts'
import type { JobRow, TaskRow } from '../store/rows.ts'
import type { Settled } from './settle.ts'

const LOOK_MS = 10_000
/** How an attempt ends, by the state of its task after it. */
const OUTCOMES: Partial<Record<TaskState, string>> = {
  Completed: 'completed',
  Failed: 'failed',
  Queued: 'returned',
  Canceled: 'canceled'
}

export class JobMetrics {
  readonly #store: Store
  readonly #claimed = counter('haif_queue_claimed_total')
  readonly #lost = counter('haif_task_leases_lost_total')
  readonly #jobs = counter('haif_jobs_ended_total')
  readonly #waits = histogram('haif_task_wait_seconds')
  readonly #attempts = histogram('haif_task_attempt_seconds')
  readonly #durations = histogram('haif_job_duration_seconds')
  #backlog: Backlog | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(store: Store) {
    this.#store = store
    this.#lost.add(0) // the first loss is to be seen as one
    gauge('haif_tasks').addCallback((result) => {
      if (this.#backlog === null) return
      result.observe(this.#backlog.queued, { status: 'queued' })
      result.observe(this.#backlog.running, { status: 'running' })
    })
    gauge('haif_dead_letter_count').addCallback((result) => {
      if (this.#backlog !== null) result.observe(this.#backlog.dead)
    })
    gauge('haif_job_idle_seconds').addCallback((result) => {
      if (this.#backlog !== null) result.observe(this.#backlog.idle_seconds)
    })
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
    void this.#look()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  claimed({ type, map, ready_at, claimed_at }: TaskRow): void {
    const kind = map === null ? type : 'map'
    this.#claimed.add(1, { type: kind })
    if (ready_at === null || claimed_at === null) return
    const seconds = (claimed_at.getTime() - ready_at.getTime()) / 1000
    this.#waits.record(Math.max(0, seconds), { type: kind })
  }

  settled({ moved, jobs, lost }: Settled): void {
    if (lost > 0) this.#lost.add(lost)
    for (const task of moved) this.#attempt(task)
    for (const job of jobs) this.#ended(job)
  }

  #attempt({ was, status, type, started_at, claimed_at, updated_at }: MovedTask): void {
    const outcome = OUTCOMES[status]
    // What has no parts to tell of is done before anybody has said that it runs.
    const from = was === 'Running' ? started_at : claimed_at
    const hadAttempt = was === 'Running' || was === 'Assigned'
    if (outcome === undefined || !hadAttempt || from === null) return
    const seconds = (updated_at.getTime() - from.getTime()) / 1000
    this.#attempts.record(Math.max(0, seconds), { type, outcome })
  }

  #ended({ status, created_at, ended_at }: JobRow): void {
    if (ended_at === null) return
    this.#jobs.add(1, { status })
    this.#durations.record((ended_at.getTime() - created_at.getTime()) / 1000, { status })
  }

  async #look(): Promise<void> {
    try {
      this.#backlog = await readBacklog(this.#store)
    } catch {
      this.#backlog = null // the scheduler says that the database is away
    }
  }
}
