/** What a jobs service does over its database: plan, keep, run, and answer about it. */
import { randomBytes } from 'node:crypto'
import type { TenantQuota } from '#shared/contracts/jobs/policy.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { Logger } from '#shared/process/log.ts'
import { together, type Service } from '#shared/process/lifecycle.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import type { S3Config } from './artifacts/copies.ts'
import { keptArtifacts } from './artifacts/kept-artifacts.ts'
import { answerGateways } from './intake/answer.ts'
import { assertJob } from './intake/read.ts'
import { askModelOf } from './plan/ask-model.ts'
import { Planner } from './plan/planner.ts'
import { answerPolicies } from './policy/answer-policies.ts'
import { quotaOf } from './policy/decide.ts'
import { forbidsBy } from './policy/forbids.ts'
import { Policies } from './policy/policies.ts'
import { Engine, type EngineDeps } from './run/engine.ts'
import { MeshRunner } from './run/mesh-runner.ts'
import { RunRights } from './workers/run-rights.ts'
import { RetrievalRunner } from './run/retrieval-runner.ts'
import type { Needs } from './schedule/needs.ts'
import type { Quota } from './run/claim.ts'
import { WorkerRunners } from './run/worker-runners.ts'
import { tasksAsked } from './store/tasks-asked.ts'
import { answerWorkers } from './workers/answer-workers.ts'
import { answerMachines } from './workers/machines.ts'
import { HttpWorkers } from './workers/http-workers.ts'

export interface KeptJobsOptions extends Pick<
  EngineDeps,
  'leaseMs' | 'opensLater' | 'now' | 'random'
> {
  /** The YAML of a policy, as a file of this machine has it. */
  policy?: string
  /** Requests to the mesh that run at a time. */
  meshPlaces?: number
  /** A server that gets copies of artifacts. */
  s3?: S3Config | null
}

interface KeptJobsDeps extends KeptJobsOptions {
  mesh: Mesh
  router: Router
  store: Store
  log: Logger
}

interface KeptJobs extends Service {
  engine: Engine
  workers: WorkerRunners
}

const LIFE_BYTES = 8
const MESH_PLACES = 64

export function keptJobs(deps: KeptJobsDeps): KeptJobs {
  const { mesh, router, store, log, policy } = deps
  const file = policy === undefined ? {} : { file: policy }
  const policies = new Policies({ store, ...file, onChange: () => engine.look(), log })
  const document = () => policies.document
  const forbids = forbidsBy(document)
  const { artifacts, upkeep } = keptArtifacts({
    ...deps,
    s3: deps.s3 ?? null,
    quotaOf: (tenant) => quotaOf(document(), tenant)
  })
  const gateways = new PeerPool(mesh, 'gateway')
  const rights = new RunRights(gateways)
  rights.answer(router)
  const workers = new WorkerRunners(mesh, { forbids, artifacts, rights })
  const inMeshForbids = (needs: Needs, tenant: string) => forbids(needs, tenant, null)
  const inMesh = new MeshRunner({
    gateways,
    places: deps.meshPlaces ?? MESH_PLACES,
    forbids,
    workers: () => workers.facts()
  })
  const retrieval = new RetrievalRunner({ store, gateways, artifacts, forbids: inMeshForbids })
  // A service that is started again is another owner of what it claims.
  const quotas = (tenant: string) => quota(quotaOf(document(), tenant))
  const owner = `${mesh.key}/${randomBytes(LIFE_BYTES).toString('hex')}`
  const engine = new Engine({
    ...deps,
    peer: mesh.key,
    owner,
    artifacts,
    runners: () => [inMesh, retrieval, ...workers.all],
    quotaOf: quotas
  })
  const planner = new Planner({
    policy: document,
    ask: askModelOf(gateways),
    held: () => new Set(workers.facts().flatMap(({ models }) => models))
  })
  answerGateways(router, {
    store,
    engine,
    async plan(job, whose, context) {
      await policies.known()
      return planner.plan(job, whose, context)
    }
  })
  answerMachines({ router, workers: () => workers.all, runningAt: (key) => engine.runningAt(key) })
  answerWorkers(router, new HttpWorkers({ ...deps, engine, artifacts, forbids, quotaOf: quotas }))
  answerPolicies({
    router,
    policies,
    planner,
    find: async (jobId, tenant) => {
      const row = await assertJob(store, jobId, tenant)
      const job = JSON.parse(row.submitted) as SubmitJob
      return { tenant: row.tenant_id, job, tasks: await tasksAsked(store, jobId) }
    },
    workers: () => workers.facts()
  })
  const all = together([policies, engine, upkeep])
  return {
    ...all,
    engine,
    workers,
    async start() {
      const started = all.start()
      if (deps.opensLater !== true) await started
    }
  }
}

function quota(given: TenantQuota): Quota {
  const { max_running_jobs: runningJobs, max_running_tasks: runningTasks, weight } = given
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(runningJobs === undefined ? {} : { runningJobs }),
    ...(runningTasks === undefined ? {} : { runningTasks })
  }
}
