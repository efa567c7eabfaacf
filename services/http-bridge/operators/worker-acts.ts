/** `POST /v1/admin/workers/{id}/…`: what operators tell a worker. */
import type { FastifyInstance } from 'fastify'
import {
  ModelOrder,
  ModelOrdered,
  Prefetch,
  Prefetched
} from '#shared/contracts/http/admin/models.ts'
import {
  DrainWorkerBody,
  LabelWorkerBody,
  RenameWorkerBody,
  WorkerChanged
} from '#shared/contracts/http/admin/workers.ts'
import {
  labelWorker,
  orderModel,
  pauseWorker,
  prefetchModel,
  removeWorker,
  renameWorker,
  resumeWorker
} from '#shared/contracts/peers/operating.ts'
import { asking, type AdminDeps } from './admin.ts'
import { describe } from './describe.ts'
import type { ById } from './operating.ts'
import { fromSnake, toSnake } from './snake-case.ts'

const WORKER = '/v1/admin/workers/:id'

export function workerActRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.post<ById>(
    `${WORKER}/drain`,
    describe(
      'Let a worker take nothing new; with `leave` it leaves the mesh when it is done',
      WorkerChanged,
      DrainWorkerBody
    ),
    async (request, reply) => {
      const wish = { ...(request.body as DrainWorkerBody), id: request.params.id }
      return toSnake(WorkerChanged, await ask({ request, reply }, pauseWorker, wish))
    }
  )
  app.post<ById>(
    `${WORKER}/resume`,
    describe('Let a drained worker take requests again', WorkerChanged),
    async (request, reply) => {
      const { id } = request.params
      return toSnake(WorkerChanged, await ask({ request, reply }, resumeWorker, { id }))
    }
  )
  app.post<ById>(
    `${WORKER}/rename`,
    describe('Give a worker another name', WorkerChanged, RenameWorkerBody),
    async (request, reply) => {
      const wish = { ...(request.body as RenameWorkerBody), id: request.params.id }
      return toSnake(WorkerChanged, await ask({ request, reply }, renameWorker, wish))
    }
  )
  app.post<ById>(
    `${WORKER}/label`,
    describe('Change labels of a worker; null takes one away', WorkerChanged, LabelWorkerBody),
    async (request, reply) => {
      const wish = { ...(request.body as LabelWorkerBody), id: request.params.id }
      return toSnake(WorkerChanged, await ask({ request, reply }, labelWorker, wish))
    }
  )
  app.post<ById>(
    `${WORKER}/remove`,
    describe('Remove a worker from the mesh; it needs a new invite to come back', WorkerChanged),
    async (request, reply) => {
      const { id } = request.params
      return toSnake(WorkerChanged, await ask({ request, reply }, removeWorker, { id }))
    }
  )
  app.post<ById>(
    `${WORKER}/models`,
    describe(
      'Load, unload, pin, fetch or delete a model on a worker',
      ModelOrdered,
      ModelOrder,
      202
    ),
    async (request, reply) => {
      const order = fromSnake(ModelOrder, request.body) as ModelOrder
      const wish = { ...order, id: request.params.id }
      const ordered = await ask({ request, reply }, orderModel, wish)
      return reply.code(202).send(toSnake(ModelOrdered, ordered))
    }
  )
  app.post(
    '/v1/admin/models/prefetch',
    describe('Bring a model to the disks of workers ahead of requests', Prefetched, Prefetch, 202),
    async (request, reply) => {
      const wish = fromSnake(Prefetch, request.body) as Prefetch
      const prefetched = await ask({ request, reply }, prefetchModel, wish)
      return reply.code(202).send(toSnake(Prefetched, prefetched))
    }
  )
}
