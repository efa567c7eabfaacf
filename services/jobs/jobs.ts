/**
 * Durable jobs: graphs of tasks that outlive connections and processes. Gateways bring them,
 * workers run their tasks over the links that they hold, and the database is all that has to last.
 * See SPEC.md.
 */
import { offerTasks } from '#shared/contracts/jobs/task-run.ts'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { answerLinks } from '#shared/mesh/link-states.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { Router } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import { keptJobs, type KeptJobsOptions } from './kept-jobs.ts'

export interface JobsDeps extends KeptJobsOptions {
  join: JoinMesh
  /** The service's report of itself. */
  self: PeerReport
  /** Started before. Null: nothing can be kept, and no job is taken. */
  store: Store | null
  log: Logger
}

export function createJobs(deps: JobsDeps): Service {
  const { self, log, store } = deps
  const router = new Router()
  const mesh = deps.join(router)
  observeMesh(mesh, ['gateway', 'worker', 'registry'])
  answerLinks(router, mesh)
  const kept = store === null ? null : keptJobs({ ...deps, mesh, router, store })
  router.respond(offerTasks, (offer, { peer }) => {
    if (kept?.workers.offered(peer.key, offer) === true) kept.engine.look()
    return {}
  })
  mesh.on('link', ({ peer }) => {
    if (peer.role === 'gateway') kept?.engine.look()
  })
  const warned = () => {
    const warnings = kept?.engine.warnings() ?? []
    return warnings.length === 0 ? {} : { warnings }
  }
  const describe = () => ({ ...self, ...warned() })
  const reporter = new Reporter({ mesh, to: ['registry'], describe, log })
  return {
    async start() {
      await mesh.start()
      mesh.follow('registry')
      reporter.start()
      await kept?.start()
      log.info({ peer: mesh.key }, 'jobs service is up')
    },
    health: () =>
      kept === null
        ? { ready: false, reason: 'it has no database: give it DATABASE_URL' }
        : { ready: true, ...warned() },
    async stop() {
      await kept?.stop()
      reporter.stop()
      await mesh.stop()
    }
  }
}
