/**
 * Runs whose callers wait for their end (J19): they begin at once, and their rows are written with
 * their end, in one statement. What takes longer, fails, or leaves artifacts is stored as claimed,
 * and is an attempt like any other from then on.
 */
import type { Report, Settled } from '../run/settle.ts'
import type { Reservation } from '../run/scheduler.ts'
import type { Completed } from '../store/attempts/complete-tasks.ts'
import { insertEndedJob } from '../store/jobs/insert-ended-job.ts'
import { insertJob, type NewJob, type NewTask } from '../store/jobs/insert-job.ts'
import type { AttemptName, ClaimedTask } from '../store/rows.ts'
import type { Store } from '#shared/store/store.ts'
import { claimedTask, endedRows, type EndedRows } from './unstored.ts'

interface DirectRunsDeps {
  store: Store
  /** To be written like those of all other attempts. */
  report: (report: Report) => void
  onWritten: (settled: Settled) => void
  /** Ends an attempt that could not be stored. */
  fence: (names: AttemptName[]) => void
  storedAfterMs?: number
}

interface DirectRun {
  job: NewJob
  task: NewTask
  claimed: ClaimedTask
  reserved: Reservation
  reports: Report[] // two at most: its beginning and its end
  begunAt: Date | null
  writing: Promise<void> | null
  timer: NodeJS.Timeout
  ended: PromiseWithResolvers<EndedRows | null>
}

/** A run that takes longer can be seen, canceled, and outlives its service. */
const STORED_AFTER_MS = 100

export class DirectRuns {
  readonly #deps: DirectRunsDeps
  readonly #runs = new Map<string, DirectRun>() // by job: as many as there are places

  constructor(deps: DirectRunsDeps) {
    this.#deps = deps
  }

  /** Null: it is stored, and has not ended. Throws STORE_UNAVAILABLE: nothing of it counts. */
  start(job: NewJob, task: NewTask, reserved: Reservation): Promise<EndedRows | null> {
    const { storedAfterMs = STORED_AFTER_MS } = this.#deps
    const run: DirectRun = {
      job,
      task,
      claimed: claimedTask(job, task, reserved.owner, new Date()),
      reserved,
      reports: [],
      begunAt: null,
      writing: null,
      timer: setTimeout(() => this.#write(run), storedAfterMs),
      ended: Promise.withResolvers()
    }
    this.#runs.set(job.job_id, run)
    reserved.start([run.claimed])
    return run.ended.promise
  }

  /** False: its job is stored, so that the report can be. */
  take(report: Report): boolean {
    const run = this.#runs.get(report.of.job_id)
    if (run === undefined) return false
    run.reports.push(report)
    if (report.kind === 'begun') run.begunAt = new Date()
    else this.#write(run)
    return true
  }

  /** Its lease is in no row yet. */
  has(jobId: string): boolean {
    return this.#runs.has(jobId)
  }

  /** After all runs have ended: resolves when they are written, or cannot be. */
  async stop(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(async ({ writing }) => writing))
  }

  #write(run: DirectRun): void {
    clearTimeout(run.timer)
    run.writing ??= this.#written(run)
  }

  async #written(run: DirectRun): Promise<void> {
    try {
      const ended = await this.#writeEnd(run)
      this.#runs.delete(run.job.job_id)
      run.ended.resolve(ended)
    } catch (error) {
      this.#runs.delete(run.job.job_id)
      this.#deps.fence([run.claimed])
      run.ended.reject(error)
    }
  }

  async #writeEnd(run: DirectRun): Promise<EndedRows | null> {
    const { store, report, onWritten } = this.#deps
    const { job, task, claimed, reserved, begunAt } = run
    const end = run.reports.at(-1)
    if (end?.kind === 'completed' && hasNoArtifacts(end.of)) {
      const at = new Date()
      const rows = endedRows(job, claimed, end.of, { begunAt: begunAt ?? at, at })
      await insertEndedJob(store, reserved.owner, rows)
      onWritten(settledOf(rows))
      return rows
    }
    const { owner, leaseMs } = reserved
    const claim = { owner, leaseMs, taskIds: [task.task_id] }
    await insertJob(store, { job, tasks: [task], claim, notice: null })
    this.#runs.delete(job.job_id) // in one turn with the reports, so that none falls between
    for (const each of run.reports) report(each)
    return null
  }
}

const hasNoArtifacts = ({ artifacts }: Completed): boolean =>
  artifacts === null || artifacts === '[]'

const settledOf = ({ job, task }: EndedRows): Settled => ({
  changed: [job.job_id],
  ready: false,
  endedFor: [job.tenant_id],
  moved: [task],
  jobs: [job],
  lost: 0
})
