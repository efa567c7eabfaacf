/**
 * Workers that come over HTTP, each with the token of its machine (scope `worker`): they get tasks
 * of the tenants of that token, and nobody else reports for them.
 */
import {
  assignHttpWorker,
  gatewayAssign,
  gatewayHeartbeat,
  gatewayRegisterWorker,
  gatewayReportTask,
  heartbeatHttpWorker,
  registerHttpWorker,
  reportHttpWorker,
  type WorkerOwner
} from '#shared/contracts/jobs/http-workers.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { tokenNeeded } from '../access/principal.ts'
import { RefusalAudit } from '../audit/refusal-audit.ts'
import type { JobsDeps } from './jobs.ts'

export function answerHttpWorkers({ router, access, jobs }: JobsDeps): void {
  const refusals = new RefusalAudit(access)

  const owner = async (context: ServerContext, action: string): Promise<WorkerOwner> => {
    const principal = await access.authenticate(context)
    await refusals.assert(principal, 'worker', action, context.requestId)
    const { tokenId, tenant, otherTenants } = principal
    if (tokenId === undefined) throw tokenNeeded('a worker needs a token with the scope worker')
    return { tokenId, tenants: [tenant, ...otherTenants] }
  }

  router
    .respond(gatewayRegisterWorker, async (worker, context) => {
      const by = await owner(context, 'worker.register')
      const registered = await jobs().call(registerHttpWorker, { ...by, worker }, context)
      await access.audit?.write({
        chain: by.tenants[0]!,
        actor: by.tokenId,
        action: 'worker.register',
        target: worker.workerId,
        result: 'ok',
        requestId: context.requestId
      })
      return registered
    })
    .respond(gatewayHeartbeat, async (wish, context) => {
      const by = await owner(context, 'worker.heartbeat')
      return jobs().call(heartbeatHttpWorker, { ...by, ...wish }, context)
    })
    .respond(gatewayAssign, async (wish, context) => {
      const by = await owner(context, 'worker.assign')
      return jobs().call(assignHttpWorker, { ...by, ...wish }, context)
    })
    .respond(gatewayReportTask, async (report, context) => {
      const by = await owner(context, 'worker.report')
      return jobs().call(reportHttpWorker, { ...by, report }, context)
    })
}
