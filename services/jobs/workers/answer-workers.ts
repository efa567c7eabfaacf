/** Answers gateways on behalf of workers that come over HTTP. */
import {
  assignHttpWorker,
  heartbeatHttpWorker,
  registerHttpWorker,
  reportHttpWorker
} from '#shared/contracts/jobs/http-workers.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { HttpWorkers } from './http-workers.ts'

export function answerWorkers(router: Router, workers: HttpWorkers): void {
  router
    .respond(registerHttpWorker, (asked) => workers.register(asked))
    .respond(heartbeatHttpWorker, (asked) => workers.heartbeat(asked))
    .respond(assignHttpWorker, (asked, context) => workers.assign(asked, context))
    .respond(reportHttpWorker, (asked) => workers.report(asked))
}
