/** `/v1/admin/…` about the mesh, its workers, models and requests, and `/v1/me`. */
import type { FastifyInstance } from 'fastify'
import { Me } from '#shared/contracts/http/admin/me.ts'
import { MeshView } from '#shared/contracts/http/admin/mesh.ts'
import { ModelViewList } from '#shared/contracts/http/admin/models.ts'
import { QueueView } from '#shared/contracts/http/admin/queue.ts'
import {
  RequestCancelled,
  RequestDetail,
  RequestList,
  RequestRow,
  RequestsQuery
} from '#shared/contracts/http/admin/requests.ts'
import { WorkerList, WorkersQuery, WorkerView } from '#shared/contracts/http/admin/workers.ts'
import {
  cancelRequest,
  listRequests,
  listWorkers,
  readMe,
  viewMesh,
  viewModels,
  viewQueue,
  viewRequest,
  viewWorker
} from '#shared/contracts/peers/operating.ts'
import { asking, type AdminDeps } from './admin.ts'
import { sendCsv, takeFormat } from './csv.ts'
import { describe } from './describe.ts'
import { queryReader } from './query.ts'
import { toSnake } from './snake-case.ts'

export interface ById {
  Params: { id: string }
}

const readWorkersQuery = queryReader(WorkersQuery)
const readRequestsQuery = queryReader(RequestsQuery, ['from', 'to'])

export function operatingRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get(
    '/v1/me',
    describe('Who the caller is, and what is left of its limits', Me),
    async (request, reply) => toSnake(Me, await ask({ request, reply }, readMe, {}))
  )
  app.get(
    '/v1/admin/mesh',
    describe('The mesh at a glance: peers, ways, totals, what needs a person', MeshView),
    async (request, reply) => toSnake(MeshView, await ask({ request, reply }, viewMesh, {}))
  )
  app.get(
    '/v1/admin/workers',
    describe('List the workers; `state` and `model` choose, `after` turns the page', WorkerList),
    async (request, reply) => {
      const wanted = readWorkersQuery(request.query)
      return toSnake(WorkerList, await ask({ request, reply }, listWorkers, wanted))
    }
  )
  app.get<ById>(
    '/v1/admin/workers/:id',
    describe('One worker, by its key, the beginning of its key, or its name', WorkerView),
    async (request, reply) =>
      toSnake(WorkerView, await ask({ request, reply }, viewWorker, { id: request.params.id }))
  )
  app.get(
    '/v1/admin/models',
    describe('List the models, each with the workers that have it', ModelViewList),
    async (request, reply) => toSnake(ModelViewList, await ask({ request, reply }, viewModels, {}))
  )
  app.get(
    '/v1/admin/queue',
    describe('What runs and what waits, at all orchestrators', QueueView),
    async (request, reply) => toSnake(QueueView, await ask({ request, reply }, viewQueue, {}))
  )
  requestRoutes(app, ask)
}

function requestRoutes(app: FastifyInstance, ask: ReturnType<typeof asking>): void {
  app.get(
    '/v1/admin/requests',
    describe(
      'List requests that have ended, the newest first; `format=csv` for a table',
      RequestList
    ),
    async (request, reply) => {
      const { wantsCsv, query } = takeFormat(request.query)
      const page = await ask({ request, reply }, listRequests, readRequestsQuery(query))
      return wantsCsv ? sendCsv(reply, RequestRow, page.requests) : toSnake(RequestList, page)
    }
  )
  app.get<ById>(
    '/v1/admin/requests/:id',
    describe('One request with its attempts, and why it failed', RequestDetail),
    async (request, reply) =>
      toSnake(RequestDetail, await ask({ request, reply }, viewRequest, { id: request.params.id }))
  )
  app.delete<ById>(
    '/v1/admin/requests/:id',
    describe('Cancel a request that runs or waits; its caller hears that it was', RequestCancelled),
    async (request, reply) => {
      const { id } = request.params
      return toSnake(RequestCancelled, await ask({ request, reply }, cancelRequest, { id }))
    }
  )
}
