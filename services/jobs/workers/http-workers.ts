/**
 * Tasks for workers that come over HTTP. They own their attempts themselves, by the same leases and
 * numbers as services do, so that any jobs service can answer them, and none has to remember them.
 */
import { hash } from 'node:crypto'
import type { TaskType } from '#shared/contracts/jobs/graph.ts'
import {
  HELD_MAX,
  type Assignment,
  type RegisterWorker,
  type TaskReport,
  type WorkerOwner
} from '#shared/contracts/jobs/http-workers.ts'
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { claim, type Quota } from '../run/claim.ts'
import type { Engine } from '../run/engine.ts'
import { LEASE_MS } from '../run/leases.ts'
import { completed, failed, returned } from '../run/runs.ts'
import type { Report } from '../run/settle.ts'
import type { Forbids } from '../run/worker-runner.ts'
import { allot, type Grant, type Lane } from '../schedule/allot.ts'
import { lackOf, type Needs, type PlaceFacts } from '../schedule/needs.ts'
import { IN_STORE, type MadeArtifact } from '../store/artifacts/artifacts.ts'
import { insertChunks } from '../store/artifacts/chunks.ts'
import { countRunning } from '../store/attempts/count-running.ts'
import { readyLanes } from '../store/attempts/ready-lanes.ts'
import { httpOwner, type ClaimedTask, type TaskRow } from '../store/rows.ts'
import { countHeldTasks, findTask, outcomeOf, renewHeldTasks } from '../store/workers/held-tasks.ts'
import { keepHttpWorker, seeHttpWorker } from '../store/workers/http-workers.ts'

interface HttpWorkersDeps {
  store: Store
  engine: Pick<Engine, 'claimed' | 'inputOf' | 'report'>
  artifacts: Artifacts
  forbids: Forbids
  quotaOf: (tenant: string) => Quota
  leaseMs?: number
  random?: () => number
}

/** What a worker has said of itself. */
interface Offer {
  facts: PlaceFacts
  tasks: number
}

const TASKS = 4
/** Renewals within a lease: two may fail. */
const BEATS = 3
const LANES_MAX = 256
/** Characters of the inputs of one answer, which has 4 MiB. */
const INPUTS_MAX = 3_145_728
const ONE = 'tasks over HTTP'

export class HttpWorkers {
  readonly #deps: HttpWorkersDeps
  readonly #leaseMs: number
  readonly #random: () => number

  constructor(deps: HttpWorkersDeps) {
    const { leaseMs = LEASE_MS, random = Math.random } = deps
    this.#deps = deps
    this.#leaseMs = leaseMs
    this.#random = random
  }

  async register({ tokenId, worker }: WorkerOwner & { worker: RegisterWorker }) {
    const name = { tokenId, workerId: worker.workerId }
    const kept = await keepHttpWorker(this.#deps.store, name, JSON.stringify(offerOf(worker)))
    if (!kept) {
      throw new HaifError(
        'CONFLICT',
        'this token has 256 workers, as many as it may: give others a token of their own'
      )
    }
    const heartbeatIntervalSeconds = Math.max(1, Math.floor(this.#leaseMs / BEATS / 1000))
    return { accepted: true, heartbeatIntervalSeconds }
  }

  async heartbeat({ tokenId, workerId }: { tokenId: string; workerId: string }) {
    await this.#assertRegistered(tokenId, workerId)
    const owned = { owner: httpOwner(tokenId, workerId), leaseMs: this.#leaseMs }
    const held = await renewHeldTasks(this.#deps.store, owned)
    const tasks = held.map(({ job_id: jobId, task_id: taskId, attempt, leased_until }) => {
      return { jobId, taskId, leaseId: String(attempt), leaseExpires: leased_until.getTime() }
    })
    return { accepted: true, tasks }
  }

  async assign(
    { tokenId, tenants, workerId, maxTasks = 1 }: WorkerOwner & Wish,
    context: RequestContext
  ): Promise<{ assignments: Assignment[] }> {
    const { store, engine } = this.#deps
    const offer = await this.#assertRegistered(tokenId, workerId)
    const owner = httpOwner(tokenId, workerId)
    const room = Math.min(maxTasks, offer.tasks - (await countHeldTasks(store, owner)))
    if (room <= 0) return { assignments: [] }
    const grants = await this.#grants(tenants, offer, room)
    const claimed = await claim({ ...this.#deps, owner, leaseMs: this.#leaseMs }, grants)
    const assignments: Assignment[] = []
    const reports: Report[] = []
    let left = INPUTS_MAX
    for (const task of claimed) {
      engine.claimed(task)
      const given = await this.#given(task, context, left)
      reports.push(given.report)
      if (given.inputs === undefined) continue
      left -= given.length
      assignments.push(assignmentOf(task, given.inputs))
    }
    if (reports.length > 0) await engine.report(owner, reports)
    return { assignments }
  }

  /** CONFLICT where the lease is not the worker's. What is reported twice is taken once. */
  async report({ tokenId, tenants, report }: WorkerOwner & { report: TaskReport }) {
    const { store, engine } = this.#deps
    assertBase64(report)
    const owner = httpOwner(tokenId, report.workerId)
    const task = await findTask(store, report, tenants)
    if (task === null) {
      throw new HaifError('NOT_FOUND', `there is no task ${report.taskId} in ${report.jobId}`)
    }
    const attempt = report.leaseId === undefined ? task.attempt : Number(report.leaseId)
    const isHeld = task.owner === owner && task.attempt === attempt
    if (isHeld && report.status === 'Running') {
      await renewHeldTasks(store, { owner, leaseMs: this.#leaseMs })
      return { accepted: true }
    }
    const said = isHeld ? [await this.#said(task, report)] : []
    if (isHeld && (await engine.report(owner, said)) > 0) return { accepted: true }
    const outcome = await outcomeOf(store, { ...task, attempt }, owner)
    if (outcome !== null && outcome === OUTCOMES[report.status]) return { accepted: true }
    throw new HaifError(
      'CONFLICT',
      `${report.workerId} does not hold ${report.taskId} by the lease ${attempt} (any more): it was ` +
        'canceled, has ended, or was given to another worker'
    )
  }

  async #assertRegistered(tokenId: string, workerId: string): Promise<Offer> {
    const offer = await seeHttpWorker(this.#deps.store, { tokenId, workerId })
    if (offer !== null) return JSON.parse(offer) as Offer
    throw new HaifError(
      'NOT_FOUND',
      `the worker ${workerId} is not registered with this token: POST /v1/workers/register first`
    )
  }

  async #grants(tenants: readonly string[], offer: Offer, room: number): Promise<Grant[]> {
    const { store, forbids, quotaOf } = this.#deps
    const lanes: Lane[] = []
    for (const tenant of new Set(tenants)) {
      const before = { tenant_id: tenant, needs_key: '' }
      const found = (await readyLanes(store, before, LANES_MAX)).lanes
      for (const { tenant_id, needs_key: needsKey, needs, priority, rank } of found) {
        if (tenant_id !== tenant) continue
        lanes.push({ tenant, needsKey, needs: JSON.parse(needs) as Needs, priority, rank })
      }
    }
    const { facts } = offer
    const lacks = (needs: Needs, tenant: string) =>
      lackOf(needs, facts) ?? forbids(needs, tenant, facts)
    const running = lanes.length === 0 ? new Map<string, number>() : await countRunning(store)
    const runningMax = (tenant: string) => quotaOf(tenant).runningTasks ?? Infinity
    const places = [{ key: ONE, free: room, lacks }]
    return allot({ lanes, places, running, runningMax }).grants
  }

  /** The inputs of a task that was claimed, or why it cannot be given. */
  async #given(task: ClaimedTask, context: RequestContext, left: number) {
    const { engine } = this.#deps
    const worker = workerOf(task)
    try {
      const inputs = await engine.inputOf(task, context)
      const { length } = JSON.stringify(inputs ?? null)
      if (length > INPUTS_MAX) {
        throw new HaifError('BODY_TOO_LARGE', `the inputs have ${length} characters`)
      }
      if (length > left) return { report: returned(task, worker, 'the answer was full') }
      const { job_id, task_id, attempt } = task
      const begun: Report = { kind: 'begun', of: { job_id, task_id, attempt, worker } }
      return { report: begun, inputs, length }
    } catch (error) {
      return { report: failed(task, worker, error, this.#random()) }
    }
  }

  async #said(task: TaskRow, report: TaskReport): Promise<Report> {
    const worker = workerOf(task)
    const { status, error = 'the worker did not say why', final = false } = report
    if (status === 'Returned') return returned(task, worker, error)
    if (status === 'Failed') {
      const code = final ? 'TOOL_FAILED' : 'ENGINE_FAILED'
      return failed(task, worker, new HaifError(code, error), this.#random())
    }
    try {
      const result = await this.#resultOf(report)
      return completed(task, worker, await this.#deps.artifacts.kept(task, result))
    } catch (problem) {
      return failed(task, worker, problem, this.#random())
    }
  }

  /** Artifacts are kept in the database: nobody can fetch them from such a worker. */
  async #resultOf({ output, outputArtifactUri, artifacts = [], usage, model }: TaskReport) {
    const made: MadeArtifact[] = []
    for (const { name, contentBase64, mediaType } of artifacts) {
      const bytes = Buffer.from(contentBase64, 'base64')
      const sha256 = hash('sha256', bytes)
      await insertChunks(this.#deps.store, sha256, bytes)
      const type = mediaType === undefined ? {} : { mediaType }
      made.push({ name, sha256, bytes: bytes.length, holder: IN_STORE, ...type })
    }
    const named = outputArtifactUri === undefined ? null : { artifact_uri: outputArtifactUri }
    return {
      output: output === undefined ? named : output,
      ...(made.length === 0 ? {} : { artifacts: made }),
      ...(usage === undefined ? {} : { usage }),
      ...(model === undefined ? {} : { model })
    }
  }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** Node passes over what is no base64, and other bytes would be kept. */
function assertBase64({ artifacts = [] }: TaskReport): void {
  const wrong = artifacts.findIndex(({ contentBase64 }) => !BASE64.test(contentBase64))
  if (wrong === -1) return
  const param = `artifacts.${wrong}.content_base64`
  throw new HaifError('VALIDATION_FAILED', `${param} is no base64`, { details: { param } })
}

interface Wish {
  workerId: string
  maxTasks?: number
}

const OUTCOMES: Record<TaskReport['status'], string> = {
  Running: 'running',
  Completed: 'completed',
  Failed: 'failed',
  Returned: 'returned'
}

/** As tasks show it. Names of peers have no colon. */
const workerOf = ({ owner }: TaskRow): string => `http:${owner!.split('/')[2]!}`

function offerOf(worker: RegisterWorker): Offer {
  const { workerId, gpu = false, models = [], tools = [], locality = '', labels } = worker
  const types: TaskType[] = []
  if (tools.length > 0) types.push('tool_execution')
  if (models.length > 0) types.push('llm_inference', 'embedding')
  const facts: PlaceFacts = {
    key: `http:${workerId}`,
    name: workerId,
    // Bundles travel over the mesh alone.
    types: (worker.types ?? types).filter((type) => type !== 'function'),
    gpu,
    models,
    ...(locality === '' ? {} : { region: locality }),
    ...(labels === undefined ? {} : { labels })
  }
  return { facts, tasks: Math.min(HELD_MAX, worker.maxTasks ?? TASKS) }
}

function assignmentOf(task: ClaimedTask, inputs: unknown): Assignment {
  const { job_id: jobId, task_id: taskId, type, attempt, leased_until } = task
  const lease = { leaseId: String(attempt), leaseExpires: leased_until!.getTime() }
  return { jobId, taskId, type, inputs, attempt, ...lease }
}
