/**
 * Durable jobs: graphs of tasks that outlive connections and processes. Gateways bring them, workers
 * run their tasks over the links that they hold, and the database is all that has to last. See
 * SPEC.md.
 */
import { randomBytes } from 'node:crypto'
import {
  changeJob,
  getJob,
  listJobs,
  listTasks,
  submitJob
} from '#shared/contracts/jobs/methods.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { answerLinks } from '#shared/mesh/link-states.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { Router } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import { Notices } from './events/notices.ts'
import { assertJob, jobsPage, tasksPage } from './intake/read.ts'
import { Intake, type Planner as Plan } from './intake/submit.ts'
import { askModelOf } from './plan/ask-model.ts'
import { Planner } from './plan/planner.ts'
import { answerPolicies } from './policy/answer-policies.ts'
import { Policies } from './policy/policies.ts'
import { tasksAsked } from './store/tasks-asked.ts'
import { jobView } from './store/views.ts'

export interface JobsDeps {
  join: JoinMesh
  /** The service's report of itself. */
  self: PeerReport
  /** Started before. Null: nothing can be kept, and no job is taken. */
  store: Store | null
  /** The YAML of a policy, as a file of this machine has it. */
  policy?: string
  log: Logger
}

const RUN_BYTES = 8

export function createJobs(deps: JobsDeps): Service {
  const { self, log, store } = deps
  const router = new Router()
  const mesh = deps.join(router)
  observeMesh(mesh, ['gateway', 'worker', 'registry'])
  answerLinks(router, mesh)
  // A service that is started again is another owner of what it claims.
  const owner = `${mesh.key}/${randomBytes(RUN_BYTES).toString('hex')}`
  const file = deps.policy === undefined ? {} : { file: deps.policy }
  const policies = store === null ? null : new Policies({ store, ...file, log })
  const notices = store === null ? null : new Notices({ store, owner, log })
  if (store !== null && notices !== null && policies !== null) {
    const planner = new Planner({
      policy: () => policies.document,
      ask: askModelOf(new PeerPool(mesh, 'gateway'))
    })
    const plan: Plan = (job, whose, context) => planner.plan(job, whose, context)
    answerPolicies({
      router,
      policies,
      planner,
      find: async (jobId, tenant) => {
        const row = await assertJob(store, jobId, tenant)
        const job = JSON.parse(row.submitted) as SubmitJob
        return { tenant: row.tenant_id, job, tasks: await tasksAsked(store, jobId) }
      },
      workers: () => []
    })
    const intake = new Intake({
      store,
      notices,
      plan,
      isLimited: () => false,
      onReady: () => {},
      onHeld: () => {}
    })
    router
      .respond(submitJob, (request, context) => intake.submit(request, context))
      .respond(listJobs, ({ tenant, query }) => jobsPage(store, query, tenant))
      .respond(getJob, async ({ tenant, jobId }) => jobView(await assertJob(store, jobId, tenant)))
      .respond(listTasks, async ({ tenant, jobId, query }) => {
        await assertJob(store, jobId, tenant)
        return tasksPage(store, jobId, query, () => undefined)
      })
      .respond(changeJob, async ({ tenant, jobId }) => {
        const { status } = await assertJob(store, jobId, tenant)
        throw new HaifError('CONFLICT', `job ${jobId} is ${status}`)
      })
  }
  const reporter = new Reporter({ mesh, to: ['registry'], describe: () => self, log })
  return {
    async start() {
      await policies?.start()
      await mesh.start()
      mesh.follow('registry')
      reporter.start()
      log.info({ peer: mesh.key }, 'jobs service is up')
    },
    health: () =>
      store === null
        ? { ready: false, reason: 'it has no database: give it DATABASE_URL' }
        : { ready: true },
    async stop() {
      await policies?.stop()
      await notices?.stop()
      reporter.stop()
      await mesh.stop()
    }
  }
}
