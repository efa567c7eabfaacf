/**
 * A model on this worker, from the moment it is wanted: loading, then ready or failed. What failed
 * stays so, unless its source says that trying again may help: a server that was down comes back.
 */
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { ModelCapabilities, WorkerModel } from '#shared/contracts/peers.ts'
import type { InferenceRequest } from '#shared/contracts/inference.ts'
import { backoffMs, type Backoff } from '#shared/mesh/backoff.ts'
import type { Engine, LoadedModel } from './engines/engine.ts'

/** Where a model comes from: a file, a download, a simulation. */
export interface ModelSource {
  /** The name that clients use. */
  name: string
  /** The kind of engine that will run it. */
  engine: string
  /** Fetches what is missing and makes the engine; `onProgress` is told a fraction from 0 to 1. */
  open(onProgress: (fraction: number) => void): Promise<Engine>
  /** After a failure it is loaded again, so often. Absent: a failure is final. */
  retry?: Backoff
}

type State =
  | { kind: 'loading'; progress: number }
  | { kind: 'ready'; engine: Engine; loaded: LoadedModel }
  | { kind: 'failed'; error: HaifError }

export class HeldModel {
  readonly source: ModelSource
  #state: State = { kind: 'loading', progress: 0 }
  readonly #inFlight = new Map<string, number>() // one entry for each peer with requests here
  readonly #onChange: () => void
  #failures = 0 // in a row
  #retryTimer: NodeJS.Timeout | undefined
  #closed = false

  /** `onChange`: its state is another one than `load` left it in. */
  constructor(source: ModelSource, onChange: () => void = () => {}) {
    this.source = source
    this.#onChange = onChange
  }

  /** Loads the model; a failure becomes its state and is not thrown. */
  async load(): Promise<void> {
    let engine: Engine | null = null
    try {
      engine = await this.source.open((progress) => {
        if (this.#state.kind === 'loading') this.#state.progress = progress
      })
      const loaded = await engine.load()
      if (this.#closed) await engine.close()
      else this.#ready(engine, loaded)
    } catch (error) {
      await engine?.close()
      this.#fail(toHaifError(error))
    }
  }

  #ready(engine: Engine, loaded: LoadedModel): void {
    this.#failures = 0
    this.#state = { kind: 'ready', engine, loaded }
    void this.#watch(engine)
  }

  async #watch({ lost }: Engine): Promise<void> {
    if (lost === undefined) return
    this.#fail(await lost)
    this.#onChange()
  }

  #fail(error: HaifError): void {
    this.#state = { kind: 'failed', error }
    const { retry } = this.source
    if (retry === undefined || this.#closed) return
    this.#failures++
    const delayMs = backoffMs(retry, this.#failures, Math.random())
    this.#retryTimer = setTimeout(() => void this.#loadAgain(error.message), delayMs)
  }

  async #loadAgain(reason: string): Promise<void> {
    await this.load()
    if (this.failure?.message !== reason) this.#onChange()
  }

  get failure(): HaifError | null {
    return this.#state.kind === 'failed' ? this.#state.error : null
  }

  /** The engine, when it can take a request with these parameters. */
  engineFor(request: InferenceRequest): Engine {
    const engine = this.#readyEngine()
    refuseUnsupported(engine, request)
    return engine
  }

  #readyEngine(): Engine {
    const { name } = this.source
    switch (this.#state.kind) {
      case 'loading':
        throw new HaifError('WORKER_OVERLOADED', `${name} is still loading`, { retryAfterMs: 2000 })
      case 'failed':
        throw new HaifError('MODEL_LOAD_FAILED', this.#state.error.message)
      case 'ready':
        return this.#state.engine
    }
  }

  /** The engine, when it can turn texts into vectors. */
  embedder(): Engine & Required<Pick<Engine, 'embed'>> {
    const engine = this.#readyEngine()
    if (canEmbed(engine)) return engine
    throw new HaifError(
      'UNSUPPORTED_PARAMETER',
      `the ${engine.kind} engine makes no embeddings of ${this.source.name}: choose another model`,
      { details: { param: 'model' } }
    )
  }

  /** SHA-256 of the file; empty until it is ready. */
  get digest(): string {
    return this.#state.kind === 'ready' ? this.#state.loaded.digest : ''
  }

  /** Counts a request of a peer until the returned function is called. */
  enter(peerKey: string): () => void {
    this.#inFlight.set(peerKey, (this.#inFlight.get(peerKey) ?? 0) + 1)
    return () => {
      const left = (this.#inFlight.get(peerKey) ?? 0) - 1
      if (left <= 0) this.#inFlight.delete(peerKey)
      else this.#inFlight.set(peerKey, left)
    }
  }

  /** What the worker reports about it to a peer. */
  describe(peerKey?: string): WorkerModel {
    const idle = { slots: 0, running: 0, waiting: 0 }
    const unmeasured = { prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 }
    const { name, engine } = this.source
    switch (this.#state.kind) {
      case 'loading': {
        const { progress } = this.#state
        return { name, engine, state: 'loading', progress, ...idle, ...unmeasured }
      }
      case 'failed': {
        const error = this.#state.error.message
        return { name, engine, state: 'failed', error, ...idle, ...unmeasured }
      }
      case 'ready': {
        const { loaded } = this.#state
        const { reasoning: _, ...facts } = loaded
        const model = { ...facts, name, engine, ...this.#state.engine.metrics() }
        const yours = peerKey === undefined ? 0 : (this.#inFlight.get(peerKey) ?? 0)
        const capabilities = capabilitiesOf(this.#state.engine, loaded)
        const { embeddings } = capabilities
        return {
          ...model,
          state: 'ready',
          yours,
          capabilities,
          ...(embeddings ? { embeddings } : {})
        }
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retryTimer)
    if (this.#state.kind === 'ready') await this.#state.engine.close()
  }
}

function capabilitiesOf(engine: Engine, { reasoning }: LoadedModel): ModelCapabilities {
  return {
    tools: engine.parameters.has('tools'),
    jsonSchema: engine.parameters.has('responseFormat'),
    embeddings: canEmbed(engine),
    reasoning: reasoning ?? engine.parameters.has('reasoningEffort'),
    vision: false // no engine takes images
  }
}

function canEmbed(engine: Engine): engine is Engine & Required<Pick<Engine, 'embed'>> {
  return engine.embed !== undefined
}

function refuseUnsupported(engine: Engine, request: InferenceRequest): void {
  const asked = Object.keys(request.sampling)
  if (request.stop !== undefined) asked.push('stop')
  if (request.responseFormat !== undefined) asked.push('responseFormat')
  if (request.logprobs === true) asked.push('logprobs')
  if ((request.topLogprobs ?? 0) > 0) asked.push('topLogprobs')
  if (request.tools !== undefined && request.toolChoice !== 'none') asked.push('tools')
  if (request.reasoningEffort !== undefined) asked.push('reasoningEffort')
  if (request.input.mode === 'tokens') asked.push('tokens')
  const unsupported = asked.find((parameter) => !engine.parameters.has(parameter))
  if (unsupported === undefined) return
  throw new HaifError(
    'UNSUPPORTED_PARAMETER',
    `the ${engine.kind} engine cannot do ${unsupported}: leave it out`,
    { details: { param: unsupported } }
  )
}
