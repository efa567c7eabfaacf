/** A worker of this machine: its own models, or those of a server that runs them. */
import type { HaifError } from '#shared/errors.ts'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { Home } from '#shared/main/home.ts'
import type { Place } from '#shared/main/place.ts'
import type { Environment } from '#shared/process/config.ts'
import type { Health } from '#shared/process/lifecycle.ts'
import { ArtifactStore } from './artifacts/artifact-store.ts'
import { readWorkerConfig, type WorkerConfig } from './config.ts'
import { KeptOrders } from './kept-orders.ts'
import { isWished } from './engines/llama/parent/gpu/gpu-setting.ts'
import { lookAtGpu } from './gpu.ts'
import { lookAtMachine } from './machine.ts'
import { readHub } from './models/sources/hub.ts'
import type { ModelSource } from './models/sources/model-source.ts'
import { modelArgument, modelSource } from './models/sources/model-uri.ts'
import { UpstreamModels, type ModelChanges } from './models/sources/upstream-source.ts'
import { stopMsMaxOf } from './worker-life.ts'
import type { ModelDownloadDeps } from './tasks/model-download/model-download.ts'
import { openTasks } from './tasks/open-tasks.ts'
import type { TaskConfig } from './tasks/task-config.ts'
import { Weights } from './weights/weights.ts'
import { createWorker, type GrowingWorker, type Worker, type WorkerDeps } from './worker.ts'

type Hooks = Pick<WorkerDeps, 'onDrain' | 'onTold' | 'onRemoved' | 'onModel' | 'onConnected'>

interface OpenWorkerOptions extends Place, Hooks {
  env: Environment
  /** Called with what there is to say about the GPU. Absent: it is logged. */
  onNote?: (note: string) => void
  /** Read from the environment unless given. */
  config?: WorkerConfig
  /** What operators have told it before; read from its home unless given. */
  orders?: KeptOrders
}

export function openWorker(options: OpenWorkerOptions): Worker {
  const { env, home, log, config = readWorkerConfig(env) } = options
  const { orders = new KeptOrders(home.ordersOf(options.keyPair.publicKey), log) } = options
  const { upstream, drainMs, budget: wish, modelOptions: wishes } = config
  const { onNote = (note: string) => log.info(note) } = options
  const { onNote: onTrouble = (note: string) => log.warn(note) } = options
  const gpu = lookAtGpu({ setting: config.gpu, kernelCache: home.kernels, onNote })
  const hub = readHub(env)
  const kept = { folder: home.models, digests: home.digests, speeds: home.speeds }
  const gpuSetting = async () => (await gpu()).setting
  const models = config.onDemand.length + (upstream === null ? config.models.length : 0)
  const weights = new Weights({ folder: home.models, config: config.weights, log })
  const peers = weights
  const common = { ...kept, hub, peers, gpu: gpuSetting, wishes, models, onNote, onTrouble }
  const own = (text: string): ModelSource => modelArgument(text, common)
  const ownModels = upstream === null ? config.models.map(own) : []
  const onDemand = config.onDemand.map(own)
  return new OpenedWorker(drainMs, async () => {
    const server =
      upstream === null
        ? null
        : new UpstreamModels(upstream.url, { ...upstream, patience: PATIENCE, onNote })
    const models = server === null ? ownModels : await server.discover()
    const watchModels = (changes: ModelChanges) => server!.watch(changes)
    const changing = server === null ? {} : { watchModels }
    const engines = [...models, ...onDemand].map(({ engine }) => engine)
    // A wish that cannot be fulfilled ends the start; else models wait for the look by themselves.
    if (isWished(config.gpu) && engines.includes('llama')) await gpu()
    const look = lookAtMachine({ gpu, engines, wish })
    const download: ModelDownloadDeps = {
      folder: home.models,
      hub,
      held: (name) => worker.digestOf(name),
      serve: ({ name, uri }) => worker.serve(modelSource(uri, { ...common, name }))
    }
    const { tasks: taskConfig, labels } = config
    const tasks = await openTasks({ config: taskConfig, home: home.folder, download, log })
    const artifacts = artifactStore(home, taskConfig)
    const ofJobs = { tasks, artifacts, labels }
    const sourceOf = (uri: string, name: string, digest?: string) =>
      modelSource(uri, { ...common, name, ...(digest === undefined ? {} : { digest }) })
    const deps = {
      ...options,
      ...look,
      ...changing,
      ...ofJobs,
      weights,
      sourceOf,
      kept: orders,
      models,
      onDemand,
      drainMs
    }
    const worker: GrowingWorker = createWorker(deps)
    return worker
  })
}

const DAY_MS = 86_400_000

const artifactStore = (home: Home, { artifactBytes, artifactDays }: TaskConfig): ArtifactStore =>
  new ArtifactStore({
    folder: home.artifacts,
    bytesMax: artifactBytes,
    keepMs: artifactDays * DAY_MS
  })

/** For a server that is started together with this worker. */
const PATIENCE = { goneMs: 60_000, loadingMs: 1_800_000 }

/** A worker that is made when it starts: only then a server can be asked for its models. */
class OpenedWorker implements Worker {
  readonly stopMsMax: number
  readonly #create: () => Promise<Worker>
  #worker: Worker | null = null

  constructor(drainMs: number, create: () => Promise<Worker>) {
    this.stopMsMax = stopMsMaxOf(drainMs)
    this.#create = create
  }

  async start(): Promise<void> {
    this.#worker = await this.#create()
    await this.#worker.start()
  }

  async stop(): Promise<void> {
    await this.#worker?.stop()
  }

  health(): Health {
    return this.#worker?.health?.() ?? { ready: false, reason: 'not started' }
  }

  async loaded(): Promise<void> {
    await this.#worker?.loaded()
  }

  async connected(): Promise<void> {
    await this.#worker?.connected()
  }

  hopeless(): HaifError | null {
    return this.#worker?.hopeless() ?? null
  }

  models(): WorkerModel[] {
    return this.#worker?.models() ?? []
  }
}
