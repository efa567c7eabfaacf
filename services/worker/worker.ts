/** Runs models. Connects to every orchestrator, says what it holds, and answers what they send. */
import {
  workerInfer,
  type InferenceEnd,
  type InferenceItem,
  type InferenceRequest
} from '#shared/contracts/inference.ts'
import {
  encodeVectors,
  workerEmbed,
  type EmbedReply,
  type EmbedRequest
} from '#shared/contracts/embedding.ts'
import { workerDrain, type PeerReport, type WorkerModel } from '#shared/contracts/peers.ts'
import { tokensIn } from '#shared/contracts/sent-tokens.ts'
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
  readonly stopMsMax: number
}

/** For taking leave of the mesh and ending the engines, after the drain. */
const LEAVE_MS_MAX = 2000

export function createWorker(deps: WorkerDeps): Worker {
  const { join, models, labels = {}, self, onDrain, drainMs, log } = deps
  const held = new Map(
    models.map((source) => {
      const model: HeldModel = new HeldModel(source, () => tell(model))
      return [source.name, model] as const
    })
  )
  const running = new RunningRequests()
  let loading: Promise<unknown> = Promise.resolve()
  let stopping: Promise<void> | null = null

  async function* infer(
    request: InferenceRequest,
    context: ServerContext
  ): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    const model = modelNamed(request.model)
    const engine = model.engineFor(request)
    using entry = running.enter(context.signal)
    const leave = model.enter(context.peer.key)
    const { digest } = model
    const answer = engine.generate(toGenerate(request, digest), entry.signal)
    let seq = request.resume === undefined ? 0 : tokensIn(request.resume)
    let first = true
    try {
      for (;;) {
        const { done, value } = await answer.next()
        if (done === true) return { ...value, model: model.source.name, provider: engine.kind }
        yield first ? { seq, ...value, digest } : { seq, ...value }
        first = false
        seq += tokensIn(value)
      }
    } finally {
      await answer.return(undefined as never) // the orchestrator may have left
      leave()
    }
  }

  async function embed(request: EmbedRequest, context: ServerContext): Promise<EmbedReply> {
    const model = modelNamed(request.model)
    const engine = model.embedder()
    using entry = running.enter(context.signal)
    const { vectors, promptTokens } = await engine.embed(request.inputs, entry.signal)
    const encoded = encodeVectors(vectors)
    return { model: model.source.name, provider: engine.kind, vectors: encoded, promptTokens }
  }

  function modelNamed(name: string | undefined): HeldModel {
    const model = name === undefined ? undefined : held.get(name)
    if (model !== undefined) return model
    throw new HaifError('MODEL_NOT_FOUND', `this worker does not hold ${name ?? ''}`)
  }

  const describeModels = (peerKey?: string) =>
    [...held.values()].map((model) => model.describe(peerKey))
  const router = new Router()
    .serve(workerInfer, infer)
    .respond(workerEmbed, embed)
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
      worker: { models: describeModels(peerKey), labels, draining: running.draining }
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

  const load = async (model: HeldModel) => {
    await model.load()
    tell(model)
  }
  const tell = (model: HeldModel) => {
    const { name } = model.source
    if (model.failure === null) log.info({ model: name }, 'model is ready')
    else log.error({ model: name, code: model.failure.code }, model.failure.message)
    reporter.tellAll()
  }

  async function stop(): Promise<void> {
    const drained = running.drain(drainMs)
    reporter.tellAll() // so that nothing new is placed here
    await drained
    reporter.stop()
    await mesh.stop()
    await Promise.all([...held.values()].map((model) => model.close()))
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
    stopMsMax: drainMs + LEAVE_MS_MAX,
    stop() {
      stopping ??= stop()
      return stopping
    }
  }
}

function toGenerate(request: InferenceRequest, digest: string): GenerateRequest {
  const { input, maxTokens, sampling, stop, responseFormat, logprobs, topLogprobs, resume } =
    request
  const generate: GenerateRequest = { input, maxTokens, sampling }
  if (stop !== undefined) generate.stop = stop
  if (responseFormat !== undefined) generate.responseFormat = responseFormat
  if (logprobs !== undefined) generate.logprobs = logprobs
  if (topLogprobs !== undefined) generate.topLogprobs = topLogprobs
  if (resume !== undefined) {
    generate.resumeTokenIds = resume.tokenIds
    if (resume.digest !== digest) {
      generate.resumeText = resume.text
      generate.resumeTokens = tokensIn(resume)
    }
  }
  return generate
}
