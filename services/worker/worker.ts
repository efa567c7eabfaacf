/** Runs models. Connects to every orchestrator, says what it holds, and answers what they send. */
import { workerEmbed } from '#shared/contracts/inference/embedding.ts'
import { workerInfer } from '#shared/contracts/inference/methods.ts'
import { workerDrain, type PeerReport, type WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { HaifError } from '#shared/errors.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import { Router } from '#shared/rpc/router.ts'
import type { Health } from '#shared/telemetry/endpoint.ts'
import type { Machine } from './machine.ts'
import type { MemoryBudget } from './memory/memory-budget.ts'
import type { HeldModel } from './models/held-model.ts'
import { heldModels, logModel, whyHopeless } from './models/held-models.ts'
import { ModelLoader } from './models/model-loader.ts'
import type { ModelSource } from './models/sources/model-source.ts'
import { RunningRequests } from './requests/running-requests.ts'
import { ServedRequests } from './requests/served-requests.ts'
import { observeKvCaches, observeModels } from './models/model-metrics.ts'

export interface WorkerDeps {
  join: JoinMesh
  /** Loaded at the start; they stay. */
  models: readonly ModelSource[]
  /** Loaded when a request comes, unloaded to make room for others. */
  onDemand?: readonly ModelSource[]
  /** What models may take together; asked when it is first needed. Absent: no bound. */
  budget?: () => Promise<MemoryBudget>
  /** Looked up when the worker starts, and told with every report. */
  machine?: () => Promise<Machine>
  /** A model has another state. Absent: it is logged. */
  onModel?: (model: WorkerModel) => void
  /** Its last orchestrator is lost, or the first one is back. */
  onConnected?: (connected: boolean) => void
  /** What the owner of the machine says of it, for requests that ask for it. */
  labels?: Readonly<Record<string, string>>
  /** What the worker says of itself. */
  self: Omit<PeerReport, 'worker'>
  /** Somebody asks this worker to leave: whoever started it stops it. */
  onDrain: () => void | Promise<void>
  /** How long `stop` lets running requests finish. */
  drainMs: number
  log: Logger
}

export interface Worker extends Service {
  /** Resolves when every pinned model is ready or has failed. */
  loaded(): Promise<void>
  /** Why no model can ever be loaded here; null while there is hope. */
  hopeless(): HaifError | null
  /** Resolves when it is connected to a first orchestrator. */
  connected(): Promise<void>
  /** What it holds, as it reports it. */
  models(): WorkerModel[]
  readonly stopMsMax: number
}

/** For taking leave of the mesh and ending the engines, after the drain. */
const LEAVE_MS_MAX = 2000
export const stopMsMaxOf = (drainMs: number): number => drainMs + LEAVE_MS_MAX

export function createWorker(deps: WorkerDeps): Worker {
  const { join, labels = {}, self, onDrain, drainMs, log } = deps
  const held = heldModels(deps.models, deps.onDemand ?? [], (model) => changed(model))
  const noBudget = { ramBytes: Infinity, vramBytes: Infinity, strict: false }
  const budget = deps.budget ?? (async () => noBudget)
  const loader = new ModelLoader({ models: [...held.values()], budget })
  let machine: Machine | null = null
  const running = new RunningRequests()
  const requests = new ServedRequests({ held, loader, running })
  let loading: Promise<unknown> = Promise.resolve()
  let stopping: Promise<void> | null = null

  const describeModels = (peerKey?: string) =>
    [...held.values()].map((model) => model.describe(peerKey))
  observeModels(() => describeModels())
  observeKvCaches([...held.values()])
  const router = new Router()
    .serve(workerInfer, (request, context) => requests.infer(request, context))
    .respond(workerEmbed, (request, context) => requests.embed(request, context))
    .respond(workerDrain, () => {
      setImmediate(() => void leave()) // after the answer
      return {}
    })
  const mesh = join(router)
  const reporter = new Reporter({
    mesh,
    to: ['orchestrator', 'registry'],
    describe: (peerKey) => ({
      ...self,
      worker: {
        models: describeModels(peerKey),
        labels,
        draining: running.draining,
        ...(machine === null ? {} : { ...machine, hardware: machine.hardware() })
      }
    }),
    log
  })

  const leave = async () => {
    try {
      await onDrain()
    } catch (error) {
      log.error({ err: error }, 'this worker was asked to leave and could not stop in good order')
    }
  }

  const changed = (model: HeldModel) => {
    const described = model.describe()
    if (deps.onModel === undefined) logModel(log, model)
    else deps.onModel(described)
    reporter.tellAll()
    loader.changed()
  }

  const lookAround = async () => {
    if (deps.machine === undefined) return
    try {
      machine = await deps.machine()
      reporter.tellAll()
    } catch (error) {
      log.warn({ err: error }, 'nothing is known of this machine')
    }
  }

  async function stop(): Promise<void> {
    const drained = running.drain(drainMs)
    reporter.tellAll() // so that nothing new is placed here
    await drained
    reporter.stop()
    await mesh.stop()
    await loader.stop()
  }

  const { promise: connected, resolve: onConnected } = Promise.withResolvers<void>()
  mesh.on('link', ({ peer }) => {
    if (peer.role !== 'orchestrator') return
    onConnected()
    if (mesh.links('orchestrator').length === 1) deps.onConnected?.(true)
  })
  mesh.on('lost', ({ peer }) => {
    if (peer.role !== 'orchestrator' || stopping !== null) return
    if (mesh.links('orchestrator').length === 0) deps.onConnected?.(false)
  })

  return {
    async start() {
      await mesh.start()
      mesh.follow('orchestrator')
      mesh.follow('registry')
      reporter.start()
      loading = loader.loadPinned()
      void lookAround()
      log.info({ peer: mesh.key }, 'worker is up')
    },
    async loaded() {
      await loading
    },
    hopeless: () => whyHopeless([...held.values()]),
    connected: () => connected,
    models: describeModels,
    health: () => workerHealth(mesh.links('orchestrator').length, describeModels()),
    stopMsMax: stopMsMaxOf(drainMs),
    stop() {
      stopping ??= stop()
      return stopping
    }
  }
}

/** It can work when an orchestrator may send it something and at least one model can answer. */
function workerHealth(orchestrators: number, models: WorkerModel[]): Health {
  if (orchestrators === 0) return { ready: false, reason: 'no orchestrator is connected' }
  if (models.some(({ state }) => state === 'ready' || state === 'loadable')) return { ready: true }
  const failed = models.find(({ error }) => error !== undefined)
  return { ready: false, reason: failed?.error ?? 'no model is ready yet' }
}
