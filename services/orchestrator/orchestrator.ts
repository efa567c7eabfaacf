/** Which worker, and what when it fails. Workers connect and report; requests come from gateways. */
import { orchestratorInfer } from '#shared/contracts/inference.ts'
import { orchestratorReady, report, type PeerReport } from '#shared/contracts/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { Service } from '#shared/lifecycle.ts'
import type { Logger } from '#shared/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import { Router } from '#shared/rpc/router.ts'
import { runAttempts } from './attempts.ts'
import { defaultModel } from './placement.ts'
import { WorkerTable } from './worker-table.ts'

export interface OrchestratorDeps {
  join: JoinMesh
  /** What the orchestrator says of itself. */
  self: PeerReport
  log: Logger
  now?: () => number
}

export function createOrchestrator(deps: OrchestratorDeps): Service {
  const { join, self, log, now = () => performance.now() } = deps
  const table = new WorkerTable()
  let stopping = false
  const router = new Router()
    .respond(report, ({ worker }, { peer }) => {
      const link = mesh.link(peer.key)
      if (worker !== undefined && link !== undefined) table.update(link, worker)
      return {}
    })
    .respond(orchestratorReady, () =>
      defaultModel(table.views()) === null
        ? { ready: false, reason: 'no worker has a model ready' }
        : { ready: true }
    )
    .serve(orchestratorInfer, (request, context) => {
      if (stopping) throw new HaifError('SHUTTING_DOWN', 'this orchestrator is stopping')
      return runAttempts({ table, log, now }, request, context)
    })
  const mesh = join(router)
  mesh.on('lost', (link) => table.remove(link))
  const reporter = new Reporter({ mesh, to: ['registry'], describe: () => self, log })
  return {
    async start() {
      await mesh.start()
      mesh.follow('registry')
      reporter.start()
      log.info({ peer: mesh.key }, 'orchestrator is up')
    },
    async stop() {
      stopping = true
      reporter.stop()
      await mesh.stop()
    }
  }
}
