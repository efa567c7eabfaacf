/** `/v1/runs`: call a function or a pipeline, and what has become of it. */
import type { FastifyInstance } from 'fastify'
import {
  gatewayGetRun,
  gatewayListRuns,
  gatewayStartRun
} from '#shared/contracts/functions/callers.ts'
import { RunList, RunQuery, RunView, StartRun } from '#shared/contracts/functions/runs.ts'
import { gatewayChangeJob } from '#shared/contracts/jobs/callers.ts'
import type { JobAct } from '#shared/contracts/jobs/methods.ts'
import { readOptions } from '../http/request-headers.ts'
import { replyBody } from '../jobs/bodies.ts'
import { jobIdIn, type ById } from '../jobs/routes.ts'
import { type AdminDeps, asking } from '../operators/admin.ts'
import { queryReader } from '../operators/query.ts'
import { fromSnake } from '../operators/snake-case.ts'
import { describe } from './objects.ts'

const readQuery = queryReader(RunQuery)
const ENDS: ReadonlySet<RunView['status']> = new Set([
  'Completed',
  'Failed',
  'Canceled',
  'Archived'
])
/** Beyond the time that the caller waits for the run. */
const ASK_MS_MAX = 15_000

export function runRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  const { gateways, running } = deps
  app.post(
    '/v1/runs',
    describe(
      'Run a function or a pipeline; with `wait_ms` the answer has its result',
      RunView,
      StartRun
    ),
    async (request, reply) => {
      const run = fromSnake(StartRun, request.body) as StartRun
      const { idempotencyKey } = readOptions(request.headers)
      const wish = idempotencyKey === undefined ? { run } : { run, idempotencyKey }
      const context = running.enter(request, reply, ASK_MS_MAX + (run.waitMs ?? 0))
      const view = await gateways.call(gatewayStartRun, wish, context)
      reply.header('location', `/v1/runs/${view.runId}`)
      const isOver = ENDS.has(view.status)
      return reply.code(isOver ? 200 : 202).send(replyBody(RunView, view))
    }
  )
  app.get('/v1/runs', describe('List runs, the newest first', RunList), async (request, reply) =>
    replyBody(RunList, await ask({ request, reply }, gatewayListRuns, readQuery(request.query)))
  )
  app.get<ById>('/v1/runs/:id', describe('Read a run', RunView), async (request, reply) =>
    replyBody(RunView, await ask({ request, reply }, gatewayGetRun, { runId: jobIdIn(request) }))
  )
  const change = (url: string, act: JobAct, summary: string) =>
    app.post<ById>(url, describe(summary, RunView), async (request, reply) => {
      const runId = jobIdIn(request)
      await ask({ request, reply }, gatewayGetRun, { runId }) // a job that is no run is none here
      await ask({ request, reply }, gatewayChangeJob, { jobId: runId, act })
      return replyBody(RunView, await ask({ request, reply }, gatewayGetRun, { runId }))
    })
  change('/v1/runs/:id/cancel', 'cancel', 'Cancel a run; its processes are ended')
  change('/v1/runs/:id/retry', 'resume', 'Run again what has failed; what has completed is kept')
}
