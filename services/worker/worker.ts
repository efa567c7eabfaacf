/** Runs models. Connects to every orchestrator, says what it holds, and answers what they send. */
import {
  workerInfer,
  type InferenceEnd,
  type InferenceItem,
  type InferenceRequest
} from '#shared/contracts/inference.ts'
import { workerDrain, type PeerReport, type WorkerModel } from '#shared/contracts/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { Service } from '#shared/lifecycle.ts'
import type { Logger } from '#shared/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import type { GenerateRequest } from './engines/engine.ts'
import { HeldModel, type ModelSource } from './held-model.ts'
import { RunningRequests } from './running-requests.ts'

export interface WorkerDeps {
  join: JoinMesh
  models: readonly ModelSource[]
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
  /** Resolves when every model is ready or has failed. */
  loaded(): Promise<void>
  /** Resolves when it is connected to a first orchestrator. */
  connected(): Promise<void>
  /** What it holds, as it reports it. */
  models(): WorkerModel[]
}

export function createWorker(deps: WorkerDeps): Worker {
  const { join, models, labels = {}, self, onDrain, drainMs, log } = deps
  const held = new Map(models.map((source) => [source.name, new HeldModel(source)]))
  const running = new RunningRequests()
  let loading: Promise<unknown> = Promise.resolve()

  async function* infer(
    request: InferenceRequest,
    context: ServerContext
  ): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    const model = request.model === undefined ? undefined : held.get(request.model)
    if (model === undefined) {
      throw new HaifError('MODEL_NOT_FOUND', `this worker does not hold ${request.model ?? ''}`)
    }
    const engine = model.engineFor(request)
    using entry = running.enter(context.signal)
    const leave = model.enter(context.peer.key)
    const { digest } = model
    const answer = engine.generate(toGenerate(request, digest), entry.signal)
    let seq = request.resume?.tokenIds.length ?? 0
    let first = true
    try {
      for (;;) {
        const { done, value } = await answer.next()
        if (done === true) return { ...value, model: model.source.name, provider: engine.kind }
        yield first ? { seq, ...value, digest } : { seq, ...value }
        first = false
        seq += value.tokenIds.length
      }
    } finally {
      await answer.return(undefined as never) // the orchestrator may have left
      leave()
    }
  }

  const describeModels = (peerKey?: string) =>
    [...held.values()].map((model) => model.describe(peerKey))
  const router = new Router().serve(workerInfer, infer).respond(workerDrain, () => {
    setImmediate(() => void onDrain()) // after the answer
    return {}
  })
  const mesh = join(router)
  const reporter = new Reporter({
    mesh,
    to: ['orchestrator', 'registry'],
    describe: (peerKey) => ({
      ...self,
      worker: { models: describeModels(peerKey), labels, draining: running.draining }
    }),
    log
  })

  const load = async (model: HeldModel) => {
    const { name } = model.source
    await model.load()
    if (model.failure === null) log.info({ model: name }, 'model is ready')
    else log.error({ model: name, code: model.failure.code }, model.failure.message)
    reporter.tellAll()
  }

  const { promise: connected, resolve: onConnected } = Promise.withResolvers<void>()
  mesh.on('link', ({ peer }) => {
    if (peer.role === 'orchestrator') onConnected()
  })

  return {
    async start() {
      await mesh.start()
      mesh.follow('orchestrator')
      mesh.follow('registry')
      reporter.start()
      loading = Promise.all([...held.values()].map(load))
      log.info({ peer: mesh.key }, 'worker is up')
    },
    async loaded() {
      await loading
    },
    connected: () => connected,
    models: describeModels,
    async stop() {
      const drained = running.drain(drainMs)
      reporter.tellAll() // so that nothing new is placed here
      await drained
      reporter.stop()
      await mesh.stop()
      await Promise.all([...held.values()].map((model) => model.close()))
    }
  }
}

function toGenerate(request: InferenceRequest, digest: string): GenerateRequest {
  const { input, maxTokens, sampling, stop, resume } = request
  const generate: GenerateRequest = { input, maxTokens, sampling }
  if (stop !== undefined) generate.stop = stop
  if (resume !== undefined) {
    generate.resumeTokenIds = resume.tokenIds
    if (resume.digest !== digest) generate.resumeText = resume.text
  }
  return generate
}
