/**
 * `/v1/workers/…` and `/v1/tasks/report`: tasks for programs that are no peers, as workers of SPLAI
 * fetch them. The same under `/v1/scheduler/…`, where those that are told of a scheduler look.
 */
import type { FastifyInstance } from 'fastify'
import type { TObject } from 'typebox'
import { Compile } from '#shared/validator.ts'
import {
  AssignmentQuery,
  Assignments,
  gatewayAssign,
  gatewayHeartbeat,
  gatewayRegisterWorker,
  gatewayReportTask,
  HeartbeatTaken,
  HttpWorkerId,
  RegisterWorker,
  TaskReport,
  TaskReported,
  WorkerHeartbeat,
  WorkerRegistered
} from '#shared/contracts/jobs/http-workers.ts'
import { HaifError } from '#shared/errors.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import { queryReader } from '../operators/query.ts'
import { fromSnake, snakeSchema, toSnake } from '../operators/snake-case.ts'
import { failures, replyBody, replySchema, security } from './bodies.ts'
import type { ById } from './routes.ts'

const PREFIXES = ['/v1', '/v1/scheduler'] as const
const readQuery = queryReader(AssignmentQuery)
const workerId = Compile(HttpWorkerId)

export function workerRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  for (const prefix of PREFIXES) {
    app.post(
      `${prefix}/workers/register`,
      describe('Register a worker', REGISTER, WorkerRegistered, RegisterWorker),
      async (request, reply) => {
        const worker = fromSnake(RegisterWorker, request.body) as RegisterWorker
        const registered = await ask({ request, reply }, gatewayRegisterWorker, worker)
        return toSnake(WorkerRegistered, registered)
      }
    )
    app.post<ById>(
      `${prefix}/workers/:id/heartbeat`,
      describe('Say that a worker is alive', HEARTBEAT, HeartbeatTaken, WorkerHeartbeat),
      async (request, reply) => {
        const wish = { workerId: workerIn(request.params.id) }
        return replyBody(HeartbeatTaken, await ask({ request, reply }, gatewayHeartbeat, wish))
      }
    )
    app.get<ById>(
      `${prefix}/workers/:id/assignments`,
      describe('Fetch tasks', ASSIGNMENTS, Assignments),
      async (request, reply) => {
        const wish = { workerId: workerIn(request.params.id), ...readQuery(request.query) }
        return replyBody(Assignments, await ask({ request, reply }, gatewayAssign, wish))
      }
    )
    app.post(
      `${prefix}/tasks/report`,
      describe('Report what became of a task', REPORT, TaskReported, TaskReport),
      async (request, reply) => {
        const report = fromSnake(TaskReport, request.body) as TaskReport
        return toSnake(TaskReported, await ask({ request, reply }, gatewayReportTask, report))
      }
    )
  }
}

/** What is no name is the name of no worker. */
function workerIn(id: string): string {
  if (workerId.Check(id)) return id
  throw new HaifError('NOT_FOUND', 'there is no such worker')
}

const REGISTER =
  'What the worker can do. It needs a token with the scope `worker`, and gets tasks of the tenants ' +
  'of that token. To be sent again after a change; workers that are silent for a day are forgotten.'
const HEARTBEAT =
  'Renews the leases of its tasks, 15 seconds each. `tasks` lists them: one that is missing was ' +
  'canceled, or is somebody else’s by now, and is to be stopped.'
const ASSIGNMENTS =
  'Up to `max_tasks` tasks that fit it, each under a lease of its own. `inputs` have no references ' +
  'any more.'
const REPORT =
  'With the `lease_id` of the assignment. `output` is what other tasks refer to; `artifacts` are ' +
  'files in base64. The same report twice is taken once; 409 says that the lease has ended.'

function describe(summary: string, description: string, answer: TObject, body?: TObject) {
  const schema = {
    tags: ['jobs'],
    summary,
    description,
    security,
    response: { 200: replySchema(answer), ...failures }
  }
  return { schema: body === undefined ? schema : { ...schema, body: snakeSchema(body) } }
}
