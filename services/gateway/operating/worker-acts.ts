/** What operators do with workers, and with the models on them. */
import { drainWorker } from '#shared/contracts/access/access.ts'
import {
  gatewayOrderEnvironment,
  type EnvironmentAct
} from '#shared/contracts/functions/environments.ts'
import type { Order } from '#shared/contracts/peers/order.ts'
import { renameMember, revokeMember } from '#shared/contracts/peers/members.ts'
import {
  labelWorker,
  orderModel,
  pauseWorker,
  prefetchModel,
  removeWorker,
  renameWorker,
  resumeWorker
} from '#shared/contracts/peers/operating.ts'
import type { WorkerChanged, WorkerView } from '#shared/contracts/http/admin/workers.ts'
import {
  PREFETCH_WORKERS_MAX,
  type ModelOrder,
  type ModelOrdered,
  type Prefetch,
  type Prefetched
} from '#shared/contracts/http/admin/models.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { Actor } from '../access/access-admin.ts'
import type { Access } from '../access/access.ts'
import type { Capability } from '../access/principal.ts'
import { MESH_CHAIN } from '../audit/audit.ts'
import type { RefusalAudit } from '../audit/refusal-audit.ts'
import type { MeshReader } from './mesh-reader.ts'
import { wantedModel } from './model-wanted.ts'
import { orderWorker } from './order-worker.ts'
import { hasIt, prefetchOn, prefetchTargets } from './prefetch.ts'
import { workerViews } from './views.ts'
import { workerNamed } from './worker-named.ts'

interface WorkerActsDeps {
  router: Router
  access: Access
  refusals: RefusalAudit
  reader: MeshReader
  mesh: () => Mesh
  orchestrators: () => PeerPool
  registries: () => PeerPool
}

export function answerWorkerActs(deps: WorkerActsDeps): void {
  const acts = new WorkerActs(deps)
  deps.router
    .respond(drainWorker, async ({ worker }, context) => {
      const actor = await acts.actor(context, 'operator', 'worker.drain')
      const drained = await acts.order(actor, worker, { act: 'worker.drain' }, context)
      return { worker: drained.worker }
    })
    .respond(pauseWorker, ({ id, leave = false }, context) =>
      acts.tell(id, 'drain', { act: leave ? 'worker.drain' : 'worker.pause' }, context)
    )
    .respond(resumeWorker, ({ id }, context) =>
      acts.tell(id, 'resume', { act: 'worker.resume' }, context)
    )
    .respond(labelWorker, ({ id, labels }, context) =>
      acts.tell(id, 'label', { act: 'worker.label', labels }, context)
    )
    .respond(renameWorker, ({ id, name }, context) => acts.rename(id, name, context))
    .respond(removeWorker, ({ id }, context) => acts.remove(id, context))
    .respond(orderModel, (order, context) => acts.model(order, context))
    .respond(gatewayOrderEnvironment, ({ machine, action, key }, context) =>
      acts.environment(machine, { action, key }, context)
    )
    .respond(prefetchModel, (wish, context) => acts.prefetch(wish, context))
}

class WorkerActs {
  readonly #deps: WorkerActsDeps

  constructor(deps: WorkerActsDeps) {
    this.#deps = deps
  }

  async actor(context: ServerContext, capability: Capability, action: string): Promise<Actor> {
    const principal = await this.#deps.access.authenticate(context)
    await this.#deps.refusals.assert(principal, capability, action, context.requestId)
    return { actor: principal.actor, requestId: context.requestId }
  }

  order(
    actor: Actor,
    key: string,
    wish: Pick<Order, 'act' | 'labels' | 'model' | 'environment'>,
    context: ServerContext
  ) {
    const { mesh, orchestrators, access } = this.#deps
    const to = { mesh: mesh(), orchestrators: orchestrators(), audit: access.audit }
    return orderWorker(actor, key, wish, to, context)
  }

  async tell(
    id: string,
    act: WorkerChanged['act'],
    wish: Pick<Order, 'act' | 'labels'>,
    context: ServerContext
  ): Promise<WorkerChanged> {
    const actor = await this.actor(context, 'operator', wish.act)
    const worker = await this.#find(id, context)
    const { labels } = await this.order(actor, worker.id, wish, context)
    return { ...told(worker, act), ...(labels === undefined ? {} : { labels }) }
  }

  async rename(id: string, name: string, context: ServerContext): Promise<WorkerChanged> {
    const actor = await this.actor(context, 'operator', 'worker.rename')
    const worker = await this.#find(id, context)
    const wish = { who: worker.id, name, by: actor.actor }
    await this.#deps.registries().call(renameMember.registry, wish, context)
    await this.#note(actor, 'worker.rename', worker, { from: worker.name, to: name })
    return { ...told(worker, 'rename'), name }
  }

  async remove(id: string, context: ServerContext): Promise<WorkerChanged> {
    const actor = await this.actor(context, 'operator', 'worker.remove')
    const worker = await this.#find(id, context)
    const wish = { who: worker.id, by: actor.actor }
    await this.#deps.registries().call(revokeMember.registry, wish, context)
    await this.#note(actor, 'worker.remove', worker, {})
    return told(worker, 'remove')
  }

  async model(order: { id: string } & ModelOrder, context: ServerContext): Promise<ModelOrdered> {
    const { id, action } = order
    const actor = await this.actor(context, 'models:write', `model.${action}`)
    const { worker, snapshot } = await this.#look(id, context)
    const model = wantedModel(order, worker, snapshot)
    const wish = { act: 'worker.model' as const, model }
    const { state } = await this.order(actor, worker.id, wish, context)
    const ordered = { worker: worker.id, action, model: model.name }
    return state === undefined ? ordered : { ...ordered, state }
  }

  async environment(id: string, environment: EnvironmentAct, context: ServerContext) {
    const actor = await this.actor(context, 'operator', `environment.${environment.action}`)
    const worker = await this.#find(id, context)
    await this.order(actor, worker.id, { act: 'worker.environment', environment }, context)
    return { machine: worker.id, ...environment }
  }

  async prefetch(given: Prefetch, context: ServerContext): Promise<Prefetched> {
    const { model, source = model, onlyMissing = true } = given
    const actor = await this.actor(context, 'models:write', 'model.prefetch')
    const snapshot = await this.#deps.reader.snapshot(context)
    const targets = prefetchTargets(given, workerViews(snapshot)).slice(0, PREFETCH_WORKERS_MAX)
    const named = source === model ? {} : { name: model }
    const fetch = { action: 'fetch' as const, model: source, ...named }
    // Throws before anything is ordered.
    const nowhere = wantedModel(fetch, { models: [] }, snapshot)
    const workers = await Promise.all(
      targets.map((worker) =>
        prefetchOn(worker, async () => {
          const entry = snapshot.peers.find(({ key }) => key === worker.id)
          if (onlyMissing && entry !== undefined && hasIt(nowhere, entry)) return null
          const wish = wantedModel(fetch, worker, snapshot)
          const { state } = await this.order(
            actor,
            worker.id,
            { act: 'worker.model', model: wish },
            context
          )
          return state === undefined ? {} : { state }
        })
      )
    )
    return { model: nowhere.name, workers }
  }

  async #find(id: string, context: ServerContext): Promise<WorkerView> {
    return (await this.#look(id, context)).worker
  }

  async #look(id: string, context: ServerContext) {
    const snapshot = await this.#deps.reader.snapshot(context)
    return { worker: workerNamed(id, workerViews(snapshot)), snapshot }
  }

  async #note(actor: Actor, action: string, { id }: WorkerView, details: object): Promise<void> {
    const { audit } = this.#deps.access
    const event = { chain: MESH_CHAIN, action, target: id, result: 'ok' } as const
    await audit?.write({ ...event, ...actor, details: { ...details } })
  }
}

const told = ({ id, name }: WorkerView, act: WorkerChanged['act']): WorkerChanged =>
  name === undefined ? { id, act } : { id, name, act }
