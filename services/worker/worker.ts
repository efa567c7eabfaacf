/** Runs models: connects to every orchestrator, reports what it holds, answers what they send. */
import { workerEnvironments } from '#shared/contracts/functions/environments.ts'
import { runTask } from '#shared/contracts/jobs/task-run.ts'
import { workerCount } from '#shared/contracts/inference/count.ts'
import { workerEmbed } from '#shared/contracts/inference/embedding.ts'
import { workerInfer } from '#shared/contracts/inference/methods.ts'
import { workerChallenge, workerDrain, workerObey } from '#shared/contracts/peers/drain.ts'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import { observeInference } from '#shared/inference/served-inference.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import { Router } from '#shared/rpc/router.ts'
import type { ArtifactStore } from './artifacts/artifact-store.ts'
import { artifactsOf, serveArtifacts } from './artifacts/served-artifacts.ts'
import type { MemoryBudget } from './memory/memory-budget.ts'
import { HeldModels } from './models/held-models.ts'
import { ModelLoader } from './models/model-loader.ts'
import { observeModels } from './models/model-metrics.ts'
import type { ModelSource } from './models/sources/model-source.ts'
import type { ModelChanges } from './models/sources/upstream-source.ts'
import { OrderedModels } from './models/ordered-models.ts'
import { obey } from './obey.ts'
import { observeRequests } from './requests/request-metrics.ts'
import { KeptOrders } from './kept-orders.ts'
import { Orders } from './orders.ts'
import { labelsAfter, restoreOrders } from './restore-orders.ts'
import { tellOrder } from './tell-order.ts'
import { Receipts } from './requests/receipts.ts'
import { RunningRequests } from './requests/running-requests.ts'
import { ServedRequests } from './requests/served-requests.ts'
import { TaskDesk, type TaskDeskOptions } from './tasks/task-desk.ts'
import { weightsHolder } from './weights/weights-holder.ts'
import type { Weights } from './weights/weights.ts'
import { WorkerLife, type WorkerLifeOptions } from './worker-life.ts'

export interface WorkerDeps extends WorkerLifeOptions {
  join: JoinMesh
  /** Loaded at the start; they stay. */
  models: readonly ModelSource[]
  /** Loaded when a request comes, unloaded to make room for others. */
  onDemand?: readonly ModelSource[]
  /** Makes the source of a model that an operator orders; absent: it takes none. */
  sourceOf?: (uri: string, name: string, digest?: string) => ModelSource
  /** What operators have told it before a restart; absent: nothing lasts. */
  kept?: KeptOrders
  /** Models that come and go while the worker runs: those of a server. */
  watchModels?: (changes: ModelChanges) => Disposable
  /** The memory that all models may take together, read when first needed. Absent: no bound. */
  budget?: () => Promise<MemoryBudget>
  /** Tasks of jobs that this machine takes; none unless given. */
  tasks?: TaskDeskOptions
  /** Weights from peer to peer; absent: it neither gives nor fetches any. */
  weights?: Weights
  /** Where the artifacts of tasks are kept; absent: there are none. */
  artifacts?: ArtifactStore
}

export interface Worker extends Service {
  /** Resolves when every pinned model is ready or has failed. */
  loaded(): Promise<void>
  /** Why no model can ever be loaded here; null while there is hope. */
  hopeless(): HaifError | null
  /** Resolves when the first orchestrator is connected. */
  connected(): Promise<void>
  /** The models as the worker reports them. */
  models(): WorkerModel[]
  readonly stopMsMax: number
}

/** A worker that takes models while it runs. */
export interface GrowingWorker extends Worker {
  /** The digest of a model that it holds; empty where nobody has looked into its file yet. */
  digestOf(name: string): string | undefined
  /** Holds one more model, which the first request for it loads. */
  serve(source: ModelSource): void
}

export function createWorker(deps: WorkerDeps): GrowingWorker {
  const models = new HeldModels({
    pinned: deps.models,
    onDemand: deps.onDemand ?? [],
    onChange: (model) => life.changed(model)
  })
  const loader = new ModelLoader({ models: models.all, budget: deps.budget ?? unbounded })
  const running = new RunningRequests()
  const receipts = new Receipts(() => mesh)
  const orders = new Orders(() => mesh)
  const requests = new ServedRequests({ models, loader, running, receipts })
  const router = new Router({ observer: observeInference('worker', observeRequests()) })
    .serve(workerInfer, (request, context) => requests.infer(request, context))
    .respond(workerEmbed, (request, context) => requests.embed(request, context))
    .respond(workerCount, (request, context) => requests.count(request, context))
    .serve(runTask, (request, context) => desk.run(request, context))
    .respond(workerEnvironments, () => desk.environments.view())
    .respond(workerChallenge, () => ({ nonce: orders.challenge() }))
    .respond(workerDrain, ({ order }) => {
      const { actor, by: gateway, requestId } = orders.take(order, 'worker.drain')
      deps.log.info({ actor, gateway, requestId }, 'an operator lets this worker go')
      deps.onTold?.(tellOrder('worker.drain', actor))
      setImmediate(() => void life.leave()) // after the answer
      return {}
    })
  router.respond(workerObey, ({ order }) =>
    obey(
      {
        orders,
        models: ordered,
        kept,
        tell: deps.onTold ?? tellNobody,
        pause: life.pause,
        label: life.label,
        environment: (act) => desk.environments.obey(act),
        log: deps.log
      },
      order
    )
  )
  const { artifacts, weights, sourceOf = noMore, kept = new KeptOrders(null, deps.log) } = deps
  const ordered = new OrderedModels({ models, loader, sourceOf })
  if (artifacts !== undefined) serveArtifacts(router, artifacts, () => mesh)
  weights?.serve(router)
  const mesh = deps.join(router)
  observeMesh(mesh, ['orchestrator', 'registry', 'jobs'])
  const desk = new TaskDesk({
    ...(artifacts === undefined ? {} : { artifactsOf: artifactsOf(artifacts, () => mesh) }),
    ...(deps.tasks ?? NO_TASKS),
    mesh: () => mesh,
    facts: () => life.taskFacts(),
    log: deps.log
  })
  const restore = () => restoreOrders(kept, { models: ordered, pause: life.pause, log: deps.log })
  const labels = labelsAfter(deps.labels ?? {}, kept)
  const life = new WorkerLife({ ...deps, mesh, models, loader, running, desk, labels, restore })
  weights?.join(weightsHolder({ mesh, models, running, life }))
  observeModels(models)
  return life
}

const tellNobody = (): void => {}

const noMore = (): never => {
  throw new HaifError('UNSUPPORTED_PARAMETER', 'this worker takes no other models')
}

const NO_TASKS: TaskDeskOptions = { kinds: [], places: 0 }

const unbounded = async (): Promise<MemoryBudget> => ({
  ramBytes: Infinity,
  vramBytes: Infinity,
  strict: false
})
