/** Takes a job: plans its tasks, stores all of it, and says so to whoever has a place for them. */
import { hash, randomBytes } from 'node:crypto'
import {
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
  type GraphTask
} from '#shared/contracts/jobs/graph.ts'
import type { SubmitFor } from '#shared/contracts/jobs/methods.ts'
import type { JobAccepted, SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import type { EndedRows } from '../direct/unstored.ts'
import type { Notices } from '../events/notices.ts'
import type { Reservation } from '../run/scheduler.ts'
import type { Lane } from '../schedule/allot.ts'
import { needsKeyOf, needsOf, needsText, type Needs } from '../schedule/needs.ts'
import { headStartMs } from '../schedule/priority.ts'
import { findJobByKey } from '../store/jobs/find-job.ts'
import { insertJob, type NewJob, type NewTask } from '../store/jobs/insert-job.ts'
import type { ClaimedTask } from '../store/rows.ts'

/** From what was asked for to tasks; throws VALIDATION_FAILED or FORBIDDEN. */
export type Planner = (
  job: SubmitJob,
  whose: { tenant: string; tokenId: string | undefined },
  context: RequestContext
) => Promise<GraphTask[]>

interface IntakeDeps {
  store: Store
  notices: Notices
  plan: Planner
  /** What every place lacks for such a task now; null: nothing. */
  lackFor: (needs: Needs, tenant: string) => string | null
  /** Whether the tenant may have so many jobs running only: then a new one waits at first. */
  isLimited: (tenant: string) => boolean
  /** Places for tasks of these lanes; null: they take their turn. */
  reserve: (lanes: readonly Lane[]) => Reservation | null
  /** Runs the only task of a job in its place, before it is stored. */
  runNow: (job: NewJob, task: NewTask, reserved: Reservation) => Promise<EndedRows | null>
  /** Tasks in these lanes are ready. */
  onReady: (lanes: readonly Lane[]) => void
  /** A held job may begin. */
  onHeld: (tenant: string) => void
}

const ID_BYTES = 16
const DEFAULT_TYPE = 'chat'
const DEFAULT_PRIORITY = 'standard'

interface Planned {
  row: NewJob
  rows: readonly NewTask[]
}

export class Intake {
  readonly #deps: IntakeDeps

  constructor(deps: IntakeDeps) {
    this.#deps = deps
  }

  async submit(request: SubmitFor, context: RequestContext): Promise<JobAccepted> {
    const known = await this.#repeated(request)
    if (known !== null) return known
    return this.#store(request, await this.#planned(request, context))
  }

  /**
   * Like `submit`, for a caller that waits for the end: a call of one function is run first, and
   * stored then (J19). Returns null where the end has to be waited for.
   */
  async *run(
    request: SubmitFor,
    context: RequestContext
  ): AsyncGenerator<JobAccepted, EndedRows | null, void> {
    const known = await this.#repeated(request)
    const planned = known === null ? await this.#planned(request, context) : null
    const reserved = planned === null ? null : this.#direct(planned)
    if (planned === null || reserved === null) {
      yield known ?? (await this.#store(request, planned!))
      return null
    }
    const { row, rows } = planned
    const ended = this.#deps.runNow(row, rows[0]!, reserved)
    ended.catch(() => {}) // the caller may leave before
    yield { jobId: row.job_id }
    return ended
  }

  async #planned(request: SubmitFor, context: RequestContext): Promise<Planned> {
    const { plan, isLimited } = this.#deps
    const { tenant, tokenId, idempotencyKey, job } = request
    const tasks = await plan(job, { tenant, tokenId }, context)
    const row: NewJob = {
      job_id: `job-${randomBytes(ID_BYTES).toString('hex')}`,
      tenant_id: tenant,
      token_id: tokenId ?? null,
      type: job.type ?? DEFAULT_TYPE,
      priority: job.priority ?? DEFAULT_PRIORITY,
      submitted: JSON.stringify(job),
      subject: request.subject === undefined ? null : JSON.stringify(request.subject),
      idempotency_key: idempotencyKey ?? null,
      fingerprint: idempotencyKey === undefined ? null : fingerprintOf(request),
      traceparent: context.traceparent ?? null,
      held: isLimited(tenant)
    }
    const rows = tasks.map((task, number) => newTask(task, number, job))
    if (request.subject?.offlinePolicy === 'fail_fast') this.#assertPlaces(tenant, rows)
    return { row, rows }
  }

  async #store(request: SubmitFor, { row, rows }: Planned): Promise<JobAccepted> {
    if (!(await this.#stored(row, rows))) return (await this.#repeated(request))!
    if (row.held) this.#deps.onHeld(row.tenant_id)
    return { jobId: row.job_id }
  }

  /** A place for a run that need not be stored first; with a key its row is what tells it apart. */
  #direct({ row, rows }: Planned): Reservation | null {
    const isCall = rows.length === 1 && rows[0]!.type === 'function' && rows[0]!.map === null
    if (!isCall || row.held || row.idempotency_key !== null) return null
    return this.#deps.reserve(lanesOf(row.tenant_id, rows))
  }

  /** False: the tenant has a job under its key already. */
  async #stored(job: NewJob, tasks: readonly NewTask[]): Promise<boolean> {
    const { store, notices, reserve, onReady } = this.#deps
    const ready = job.held ? [] : tasks.filter(({ dependencies }) => dependencies.length === 0)
    const lanes = lanesOf(job.tenant_id, ready)
    const reserved = reserve(lanes)
    const claim = reserved === null ? null : claimOf(reserved, ready)
    const areAllClaimed = claim?.taskIds.length === ready.length
    let claimed: ClaimedTask[] | null = null
    try {
      const notice = areAllClaimed ? null : notices.ready()
      claimed = await insertJob(store, { job, tasks, claim, notice })
    } finally {
      if (claimed === null) reserved?.release()
    }
    if (claimed === null) return false
    reserved?.start(claimed)
    if (!areAllClaimed && !job.held) onReady(lanes)
    return true
  }

  #assertPlaces(tenant: string, tasks: readonly NewTask[]): void {
    for (const { needs } of tasks) {
      const lack = this.#deps.lackFor(JSON.parse(needs) as Needs, tenant)
      if (lack !== null) throw new HaifError('NO_ELIGIBLE_WORKER', `there is not ${lack} now`)
    }
  }

  async #repeated(request: SubmitFor): Promise<JobAccepted | null> {
    const { tenant, idempotencyKey } = request
    if (idempotencyKey === undefined) return null
    const known = await findJobByKey(this.#deps.store, tenant, idempotencyKey)
    if (known === null) return null
    if (known.fingerprint === fingerprintOf(request)) return { jobId: known.job_id }
    throw new HaifError('CONFLICT', 'this Idempotency-Key was used with another job')
  }
}

function lanesOf(tenant: string, ready: readonly NewTask[]): Lane[] {
  const byLane = Map.groupBy(ready, ({ needs_key }) => needs_key)
  return [...byLane].map(([needsKey, tasks]) => {
    const { needs, priority, head_start_ms } = tasks[0]!
    const rank = Date.now() - head_start_ms
    const parsed = JSON.parse(needs) as Needs
    return { tenant, needsKey, needs: parsed, priority, rank, tasks: tasks.length }
  })
}

/** As many of each lane as it was given places, the first ones of the graph. */
function claimOf({ owner, leaseMs, grants }: Reservation, ready: readonly NewTask[]) {
  const left = Map.groupBy(grants, ({ lane }) => lane.needsKey)
  const taskIds = ready
    .filter(({ needs_key }) => left.get(needs_key)?.pop() !== undefined)
    .map(({ task_id }) => task_id)
  return { owner, leaseMs, taskIds }
}

const fingerprintOf = ({ fingerprint, job }: SubmitFor): string =>
  fingerprint ?? hash('sha256', JSON.stringify(job), 'base64url')

/** Tasks of different models stand in different lanes: one that is missing keeps no other. */
function withModel(task: GraphTask, { model: ofJob }: SubmitJob): GraphTask {
  if (task.type !== 'llm_inference' && task.type !== 'embedding') return task
  const { model: own } = task.input
  const asked = task.constraints?.model ?? (typeof own === 'string' ? own : undefined)
  const model = asked ?? (task.type === 'llm_inference' ? ofJob : undefined)
  return model === undefined ? task : { ...task, constraints: { ...task.constraints, model } }
}

function newTask(task: GraphTask, number: number, job: SubmitJob): NewTask {
  const { priority = DEFAULT_PRIORITY, type: jobType = DEFAULT_TYPE } = job
  const { policy, dataClassification, networkIsolation } = job
  const needs = needsText(
    needsOf(withModel(task, job), {
      jobType,
      priority,
      policy,
      dataClassification,
      networkIsolation
    })
  )
  return {
    task_id: task.id,
    number,
    type: task.type,
    input: JSON.stringify(task.input),
    map: task.map === undefined ? null : JSON.stringify(task.map),
    dependencies: [...new Set(task.dependencies)],
    needs,
    needs_key: needsKeyOf(needs),
    priority,
    head_start_ms: headStartMs(priority),
    attempts_max: 1 + (task.retries ?? DEFAULT_RETRIES),
    timeout_ms: task.timeoutMs ?? DEFAULT_TIMEOUT_MS
  }
}
