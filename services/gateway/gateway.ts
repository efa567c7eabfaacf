/** Decides who may ask, and for how much. What it lets through goes to an orchestrator. */
import { gatewayCount } from '#shared/contracts/inference/count.ts'
import { gatewayEmbed } from '#shared/contracts/inference/embedding.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { gatewayModels, gatewayReady, type PeerReport } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import { observeInference } from '#shared/inference/served-inference.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import { answerLinks } from '#shared/mesh/link-states.ts'
import { LiveSettings } from '#shared/main/live-settings.ts'
import { Router } from '#shared/rpc/router.ts'
import type { Access } from './access/access.ts'
import { answerOnBehalf } from './on-behalf.ts'
import { answerOperators } from './operators.ts'
import { Callers } from './admit.ts'
import { countAdmitted } from './count.ts'
import { embedAdmitted } from './embeddings.ts'
import { inferAdmitted } from './inference.ts'
import { listModels } from './models.ts'
import { answerSecrets } from './secrets/answer-secrets.ts'
import { answerCalls } from './functions/called.ts'
import { answerFunctions } from './functions/functions.ts'
import { answerJobOperators } from './jobs/job-operators.ts'
import { answerHttpWorkers } from './jobs/http-workers.ts'
import { answerJobs } from './jobs/jobs.ts'
import type { OperatedSettings } from './operating/settings.ts'
import { Permits } from './permits.ts'
import { readinessOf, warned } from './readiness.ts'
import type { UsageRecorder } from './usage/usage-row.ts'

interface GatewayDeps {
  join: JoinMesh
  /** The gateway's own report to the registry. */
  self: PeerReport
  /** Starts and stops with the gateway; the store behind it has started before. */
  access: Access
  /** Absent: what requests cost is not recorded. */
  usage?: UsageRecorder | null
  /** Whether it looks for jobs services, and so takes jobs; no unless said otherwise. */
  takesJobs?: boolean
  /** What operators change while the mesh runs, started before; and what the environment says. */
  settings?: OperatedSettings
  /** What does not work beside this service, in sentences: the books, say, or Redis. */
  warnings?: () => readonly string[]
  log: Logger
}

export function createGateway(deps: GatewayDeps): Service {
  const { join, self, access, log, usage = null } = deps
  const callers = new Callers({ access, usage })
  let stopping = false
  const warnings = () => [...access.warnings(), ...(deps.warnings?.() ?? [])]

  const admitted = () => (stopping ? refuseAll() : { orchestrators, callers, permits })

  const router = new Router({ observer: observeInference('gateway') })
    .serve(gatewayInfer, (request, context) => inferAdmitted(admitted(), request, context))
    .respond(gatewayEmbed, (request, context) => embedAdmitted(admitted(), request, context))
    .respond(gatewayCount, (request, context) => countAdmitted(admitted(), request, context))
    .respond(gatewayModels, (_request, context) =>
      listModels({ callers, registries, orchestrators }, context)
    )
    .respond(gatewayReady, (_request, context) => readinessOf(orchestrators, warnings(), context))
  const pools = { orchestrators: () => orchestrators, registries: () => registries }
  answerOperators({ router, access, mesh: () => mesh, settings: settingsOf(deps), ...pools })
  answerOnBehalf(router, admitted)
  const toJobs = { router, access, jobs: () => (deps.takesJobs === true ? jobs : noJobs()) }
  for (const answer of [answerJobs, answerJobOperators, answerHttpWorkers]) answer(toJobs)
  answerSecrets(toJobs)
  const toFunctions = { ...toJobs, registries: () => registries }
  for (const answer of [answerFunctions, answerCalls]) answer(toFunctions)
  const mesh = join(router)
  answerLinks(router, mesh)
  observeMesh(mesh, ['orchestrator', 'registry'])
  const permits = new Permits(mesh)
  const orchestrators = new PeerPool(mesh, 'orchestrator')
  const registries = new PeerPool(mesh, 'registry')
  const jobs = new PeerPool(mesh, 'jobs')
  const describe = () => ({ ...self, ...warned(warnings()) })
  const reporter = new Reporter({ mesh, to: ['registry'], describe, log })
  return {
    async start() {
      await access.start()
      await mesh.start()
      mesh.follow('orchestrator')
      mesh.follow('registry')
      if (deps.takesJobs === true) mesh.follow('jobs')
      reporter.start()
      log.info({ peer: mesh.key }, 'gateway is up')
    },
    health: () =>
      orchestrators.size > 0
        ? { ready: true, warnings: access.warnings() }
        : { ready: false, reason: 'no orchestrator is connected' },
    async stop() {
      stopping = true
      reporter.stop()
      await mesh.stop()
      await access.stop()
    }
  }
}

/** Without any: those of the store, as far as they are asked for. */
function settingsOf({ settings, access, log }: GatewayDeps): OperatedSettings {
  const store = access.storedOrNull?.store ?? null
  const none = { live: new LiveSettings({ store, log }), given: {}, logLevel: log.level }
  const { live, ...known } = settings ?? none
  live.follow(() => {
    const [concurrent, requestsPerSecond] = [
      live.get('tenantMaxConcurrent'),
      live.get('tenantRateLimitRps')
    ]
    access.changeTenantDefaults({
      ...(concurrent === undefined ? {} : { concurrent }),
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond })
    })
  })
  return { live, ...known }
}

function refuseAll(): never {
  throw new HaifError('SHUTTING_DOWN', 'this gateway is stopping')
}

/** Not NO_PEER: a bridge would wait for one that nobody looks for. */
function noJobs(): never {
  throw new HaifError(
    'NOT_FOUND',
    'this mesh runs no jobs: "haif up" does, and beside services of their own "haif service jobs"'
  )
}
