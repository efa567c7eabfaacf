/** What operators and observers read of the mesh, and what operators tell its workers. */
import {
  listRequests as listRequestsOf,
  listWorkers,
  readMe,
  viewMesh,
  viewModels,
  viewQueue,
  viewRequest,
  viewWorker,
  watchMesh
} from '#shared/contracts/peers/operating.ts'
import type { WorkersQuery, WorkerView } from '#shared/contracts/http/admin/workers.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import { VERSION } from '#shared/process/version.ts'
import type { Access } from '../access/access.ts'
import type { RefusalAudit } from '../audit/refusal-audit.ts'
import { meOf } from './me.ts'
import { MeshReader } from './mesh-reader.ts'
import { pageOf } from './page.ts'
import { readQueues } from './queues.ts'
import { latestRequests, listRequests, readRequest } from './request-log.ts'
import { meshView, modelViews, peerView, workerViews } from './views.ts'
import { answerWorkerActs } from './worker-acts.ts'
import { watch, type Look } from './watch.ts'
import { workerNamed } from './worker-named.ts'
import { withToday } from './worker-today.ts'

/** Far below what a reply holds: a peer has at most a few kilobytes to say. */
const PEERS_MAX = 1000
const WORKERS_LIMIT = 100
/** The latest requests that a look at the books takes. */
const LATEST_MAX = 200

interface OperatingDeps {
  router: Router
  access: Access
  refusals: RefusalAudit
  mesh: () => Mesh
  orchestrators: () => PeerPool
  registries: () => PeerPool
}

export function answerOperating(deps: OperatingDeps): void {
  const { router, access, mesh } = deps
  const reader = new MeshReader(deps.registries)
  const views = new Views(deps, reader)
  answerWorkerActs({ ...deps, reader })
  router
    .respond(readMe, async (_request, context) => meOf(access, await access.authenticate(context)))
    .respond(viewMesh, async (_request, context) => {
      await views.observer(context, 'mesh.read')
      return views.mesh(context)
    })
    .respond(listWorkers, async (query, context) => {
      await views.observer(context, 'worker.list')
      return views.workers(query, context)
    })
    .respond(viewWorker, async ({ id }, context) => {
      await views.observer(context, 'worker.read')
      const worker = workerNamed(id, workerViews(await views.snapshot(context)))
      const [told] = await withToday(access, [worker])
      return told!
    })
    .respond(viewModels, async (_request, context) => {
      await views.observer(context, 'model.list')
      const snapshot = await views.snapshot(context)
      const { defaultModel } = await readQueues(mesh(), context)
      return { models: modelViews(snapshot, defaultModel) }
    })
    .respond(listRequestsOf, async (query, context) => {
      await views.observer(context, 'request.list')
      return listRequests(access.stored.store, query)
    })
    .respond(viewRequest, async ({ id }, context) => {
      await views.observer(context, 'request.read')
      return readRequest(access.stored.store, id)
    })
    .respond(viewQueue, async (_request, context) => {
      await views.observer(context, 'queue.read')
      return readQueues(mesh(), context)
    })
    .serve(watchMesh, async function* (_request, context) {
      await views.observer(context, 'mesh.watch')
      return yield* watch(() => views.look(context), context)
    })
}

class Views {
  readonly #deps: OperatingDeps
  readonly #reader: MeshReader

  constructor(deps: OperatingDeps, reader: MeshReader) {
    this.#deps = deps
    this.#reader = reader
  }

  async observer(context: ServerContext, action: string): Promise<void> {
    const principal = await this.#deps.access.authenticate(context)
    await this.#deps.refusals.assert(principal, 'observer', action, context.requestId)
  }

  snapshot(context: RequestContext) {
    return this.#reader.snapshot(context)
  }

  async mesh(context: RequestContext) {
    const tokensNeeded = await this.#deps.access.tokensNeeded()
    return meshView(await this.snapshot(context), { version: VERSION, tokensNeeded }, PEERS_MAX)
  }

  async workers(
    { state, model, limit = WORKERS_LIMIT, after }: WorkersQuery,
    context: RequestContext
  ) {
    const all = workerViews(await this.snapshot(context)).filter(
      (worker) =>
        (state === undefined || worker.state === state) &&
        (model === undefined || worker.models.some(({ name }) => name === model))
    )
    const { items, next } = pageOf(all, { limit, after })
    const workers: WorkerView[] = await withToday(this.#deps.access, items)
    return { workers, total: all.length, ...(next === undefined ? {} : { next }) }
  }

  async look(context: RequestContext): Promise<Look> {
    const { access, mesh } = this.#deps
    const [snapshot, view, queue] = await Promise.all([
      this.snapshot(context),
      this.mesh(context),
      readQueues(mesh(), context)
    ])
    const store = access.storedOrNull?.store
    const requests =
      store === undefined ? [] : await latestRequests(store, LATEST_MAX).catch(() => [])
    return {
      mesh: view,
      peers: snapshot.peers.filter(({ worker }) => worker === undefined).map(peerView),
      workers: workerViews(snapshot),
      queue,
      requests
    }
  }
}
