/**
 * The life of a worker: it joins the mesh, loads its models, reports every change, and leaves when
 * it is asked to.
 *
 * It stops in this order: refuse new requests and say so, let running ones finish, stop reporting,
 * leave the mesh, end the engines.
 */
import {
  MODELS_PER_WORKER_MAX,
  SENTENCE_MAX,
  type PeerReport,
  type WorkerModel
} from '#shared/contracts/peers/peers.ts'
import type { LabelChanges } from '#shared/contracts/http/admin/workers.ts'
import { plainText } from '#shared/contracts/plain-text.ts'
import type { TaskOffer } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import type { Health } from '#shared/process/lifecycle.ts'
import type { Machine } from './machine.ts'
import type { HeldModel } from './models/held-model.ts'
import type { HeldModels } from './models/held-models.ts'
import type { ModelLoader } from './models/model-loader.ts'
import type { ModelSource } from './models/sources/model-source.ts'
import type { ModelChanges } from './models/sources/upstream-source.ts'
import type { RunningRequests } from './requests/running-requests.ts'
import type { TaskDesk } from './tasks/task-desk.ts'
import type { Weights } from './weights/weights.ts'

export interface WorkerLifeOptions {
  /** Inspected when the worker starts, and reported from then on. */
  machine?: () => Promise<Machine>
  /** Called after each change of a model's state. Absent: the change is logged. */
  onModel?: (model: WorkerModel) => void
  /** Called with false when the last orchestrator is lost, with true when one is back. */
  onConnected?: (connected: boolean) => void
  /** Labels that the owner gave this machine; a request may ask for some of them. */
  labels?: Readonly<Record<string, string>>
  /** The worker's report about itself. */
  self: Omit<PeerReport, 'worker'>
  /** Called when somebody asks this worker to leave: whoever started it stops it. */
  onDrain: () => void | Promise<void>
  /** Called with a sentence when an operator has told this worker something. */
  onTold?: (sentence: string) => void
  /** Called when this machine was removed from the mesh: whoever started the worker ends it. */
  onRemoved?: (error: HaifError) => void
  /** How long `stop` lets running requests finish. */
  drainMs: number
  log: Logger
}

interface WorkerLifeDeps extends WorkerLifeOptions {
  /** Models that come and go while the worker runs: those of a server. */
  watchModels?: ((changes: ModelChanges) => Disposable) | undefined
  /** Called when it has started: brings back what operators have told it before. */
  restore?: () => void
  mesh: Mesh
  models: HeldModels
  loader: ModelLoader
  running: RunningRequests
  desk: TaskDesk
  weights?: Weights
}

/** Time for leaving the mesh and ending the engines, after the drain. */
const LEAVE_MS_MAX = 2000
const OFFERED_MODELS_MAX = 64
/** As many as a report may have. */
const LABELS_MAX = 32
export const stopMsMaxOf = (drainMs: number): number => drainMs + LEAVE_MS_MAX

export class WorkerLife {
  readonly stopMsMax: number
  readonly #deps: WorkerLifeDeps
  readonly #reporter: Reporter
  readonly #connected = Promise.withResolvers<void>()
  #machine: Machine | null = null
  #loading: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | null = null
  #watch: Disposable | undefined
  #labels: Record<string, string>

  constructor(deps: WorkerLifeDeps) {
    const { mesh, log, drainMs, onRemoved } = deps
    this.#deps = deps
    this.#labels = { ...deps.labels }
    this.stopMsMax = stopMsMaxOf(drainMs)
    this.#reporter = new Reporter({
      mesh,
      to: ['orchestrator', 'registry'],
      describe: (peerKey) => this.#report(peerKey),
      log
    })
    mesh.on('link', ({ peer }) => {
      if (peer.role === 'orchestrator') this.#orchestratorFound()
      if (peer.role === 'jobs') this.#deps.desk.tellAll()
    })
    mesh.on('lost', ({ peer }) => {
      if (peer.role === 'orchestrator') this.#orchestratorLost()
      if (peer.role === 'jobs') this.#deps.desk.tellAll() // its places are free for others
    })
    if (onRemoved !== undefined) mesh.on('removed', onRemoved)
  }

  async start(): Promise<void> {
    const { mesh, loader, log } = this.#deps
    await mesh.start()
    mesh.follow('orchestrator')
    mesh.follow('registry')
    if (this.#deps.desk.isOpen) mesh.follow('jobs')
    this.#reporter.start()
    this.#loading = loader.loadPinned()
    this.#deps.restore?.()
    this.#watch = this.#deps.watchModels?.({
      add: (source) => this.#add(source),
      lose: (name, error, forGood) => this.#lose(name, error, forGood)
    })
    void this.#inspectMachine()
    void this.#deps.weights?.look()
    log.info({ peer: mesh.key }, 'worker is up')
  }

  loaded(): Promise<void> {
    return this.#loading
  }

  connected(): Promise<void> {
    return this.#connected.promise
  }

  models(): WorkerModel[] {
    return this.#deps.models.describe()
  }

  hopeless(): HaifError | null {
    return this.#deps.models.hopeless()
  }

  /** Ready when an orchestrator may send something and at least one model can answer. */
  health(): Health {
    if (this.#orchestrators === 0) return { ready: false, reason: 'no orchestrator is connected' }
    const models = this.models()
    if (models.some(({ state }) => state === 'ready' || state === 'loadable')) {
      return { ready: true }
    }
    const failed = models.find(({ error }) => error !== undefined)
    return { ready: false, reason: failed?.error ?? 'no model is ready yet' }
  }

  changed(model: HeldModel): void {
    const { onModel, log } = this.#deps
    if (onModel === undefined) logModel(log, model)
    else onModel(model.describe())
    this.#reporter.tellAll()
    this.#deps.desk.tellAll()
    if (model.state.kind !== 'loading') void this.#deps.weights?.look()
  }

  /** Tells others what is here to be had from this worker. */
  tell(): void {
    this.#reporter.tellAll()
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#labels
  }

  /** Takes nothing new until it is resumed; what runs goes on. */
  readonly pause = (isPaused: boolean): void => {
    this.#deps.running.paused = isPaused
    this.#deps.desk.pause(isPaused)
    this.#reporter.tellAll()
  }

  /** Returns all labels that it has then. */
  readonly label = (changes: LabelChanges): Record<string, string> => {
    const labels = Object.entries({ ...this.#labels, ...changes })
    const kept = labels.filter((entry): entry is [string, string] => entry[1] !== null)
    if (kept.length > LABELS_MAX) {
      throw new HaifError('VALIDATION_FAILED', `a worker has at most ${LABELS_MAX} labels`)
    }
    this.#labels = Object.fromEntries(kept)
    this.#reporter.tellAll()
    this.#deps.desk.tellAll()
    return this.#labels
  }

  digestOf(name: string): string | undefined {
    const model = this.#deps.models.named(name)
    return model === undefined ? undefined : (model.describe().digest ?? '')
  }

  serve(source: ModelSource): void {
    const { models, log } = this.#deps
    if (models.all.length >= MODELS_PER_WORKER_MAX) {
      log.warn({ model: source.name }, `a worker holds at most ${MODELS_PER_WORKER_MAX} models`)
      return
    }
    if (models.add(source, { onDemand: true }) === null) return
    this.#reporter.tellAll()
    this.#deps.desk.tellAll()
  }

  /** As offers to jobs services say it. */
  taskFacts(): Pick<TaskOffer, 'gpu' | 'models' | 'labels'> {
    const usable = this.models().filter(({ state }) => state === 'ready' || state === 'loadable')
    return {
      gpu: this.#machine?.hardware().gpu !== undefined,
      models: usable.map(({ name }) => name).slice(0, OFFERED_MODELS_MAX),
      labels: this.#labels
    }
  }

  async leave(): Promise<void> {
    try {
      await this.#deps.onDrain()
    } catch (error) {
      const message = 'this worker was asked to leave and could not stop in good order'
      this.#deps.log.error({ err: error }, message)
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  #add(source: ModelSource): void {
    const { models, loader } = this.#deps
    const model = models.add(source)
    if (model !== null) void loader.load(model)
  }

  #lose(name: string, error: HaifError, forGood: boolean): void {
    const { models, loader } = this.#deps
    const model = models.named(name)
    if (model === undefined) return
    loader.lose(model, error)
    if (forGood) models.remove(model)
    this.#reporter.tellAll()
  }

  async #stop(): Promise<void> {
    this.#watch?.[Symbol.dispose]()
    const { mesh, loader, running, desk, drainMs } = this.#deps
    const drained = Promise.all([running.drain(drainMs), desk.drain(drainMs)])
    this.#reporter.tellAll() // so that nothing new is placed here
    await drained
    this.#reporter.stop()
    await mesh.stop()
    await loader.stop()
  }

  get #orchestrators(): number {
    return this.#deps.mesh.links('orchestrator').length
  }

  #orchestratorFound(): void {
    this.#connected.resolve()
    if (this.#orchestrators === 1) this.#deps.onConnected?.(true)
  }

  #orchestratorLost(): void {
    if (this.#stopping !== null) return
    if (this.#orchestrators === 0) this.#deps.onConnected?.(false)
  }

  async #inspectMachine(): Promise<void> {
    const { machine, log } = this.#deps
    if (machine === undefined) return
    try {
      this.#machine = await machine()
      this.#reporter.tellAll()
      this.#deps.desk.tellAll()
    } catch (error) {
      log.warn({ err: error }, 'this machine could not be inspected')
    }
  }

  #report(peerKey: string): PeerReport {
    const { self, models, running, weights } = this.#deps
    const machine = this.#machine
    const offered = weights?.offered ?? []
    return withPlainText({
      ...self,
      worker: {
        models: models.describe(peerKey),
        labels: this.#labels,
        draining: running.draining,
        ...(offered.length === 0 ? {} : { weights: offered }),
        ...(running.paused ? { paused: true } : {}),
        ...(machine === null ? {} : { ...machine, hardware: machine.hardware() })
      }
    })
  }
}

/** Texts come from files, drivers and servers; a peer refuses a report for a line break in one. */
function withPlainText<Value>(value: Value): Value {
  if (typeof value === 'string') return plainText(value, SENTENCE_MAX) as Value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => withPlainText<unknown>(each)) as Value
  const fields = Object.entries(value).map(([name, each]) => [name, withPlainText<unknown>(each)])
  return Object.fromEntries(fields) as Value
}

function logModel(log: Logger, { name, state }: HeldModel): void {
  if (state.kind === 'failed') {
    const { code, message, cause } = state.error
    log.error({ model: name, code, ...(cause === undefined ? {} : { err: cause }) }, message)
  } else log.info({ model: name, state: state.kind }, `model is ${state.kind}`)
  const notice = state.kind === 'ready' ? state.loaded.notice : undefined
  if (notice !== undefined) log.warn({ model: name }, notice)
}
