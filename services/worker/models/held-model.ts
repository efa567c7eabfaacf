/**
 * A model on this worker: loadable, loading, ready or failed. A pinned one is loaded at the start
 * and stays; one on demand is loaded when a request comes and unloaded to make room for others.
 *
 * What failed stays so, unless trying again may help: a server that was down comes back, a network
 * too. On demand it becomes loadable again after a while, and the next request tries.
 */
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { backoffMs, type Backoff } from '#shared/kit/backoff.ts'
import { Tally } from '#shared/kit/tally.ts'
import type { Engine, KvCache, LoadedModel } from '../engines/engine.ts'
import { unsupported } from '../engines/errors.ts'
import { canEmbed, capabilitiesOf, refuseUnsupported, type Embedder } from './held-engine.ts'
import { describeModel } from './model-report.ts'
import type { LoadPhase, ModelFacts, ModelState } from './model-state.ts'
import { NO_MEMORY, type Resident } from '../memory/make-room.ts'
import type { ModelSource } from './sources/model-source.ts'

export interface HeldModelDeps {
  source: ModelSource
  /** Loaded for requests, not at the start. */
  onDemand?: boolean
  /** Its state is another one. */
  onChange?: (model: HeldModel) => void
  now?: () => number
}

/** For what may pass by itself, where the source does not say how often to try. */
const RETRY: Backoff = { firstMs: 2000, maxMs: 60_000 }
/** Until a model on demand that failed may be tried again. */
const LOADABLE_AGAIN: Backoff = { firstMs: 5000, maxMs: 300_000 }

export class HeldModel {
  readonly source: ModelSource
  readonly onDemand: boolean
  readonly facts: ModelFacts = {}
  #state: ModelState
  readonly #users = new Tally<string>() // requests, by the key of the peer that sent them
  readonly #onChange: (model: HeldModel) => void
  readonly #now: () => number
  #lastUsedAt = 0
  #failures = 0 // in a row
  #retryTimer: NodeJS.Timeout | undefined
  #closed = false
  /** Set by whoever loads it: how a pinned model is loaded again. */
  reload: () => void = () => {}

  constructor({ source, onDemand = false, onChange = () => {}, now }: HeldModelDeps) {
    this.source = source
    this.onDemand = onDemand
    this.#onChange = onChange
    this.#now = now ?? (() => performance.now())
    this.#state = onDemand ? { kind: 'loadable' } : this.#loading('loading')
  }

  get name(): string {
    return this.source.name
  }

  get state(): ModelState {
    return this.#state
  }

  /** Whether a request may wait for it to be loaded. */
  get mayLoad(): boolean {
    const { kind } = this.#state
    return this.onDemand && (kind === 'loadable' || kind === 'loading')
  }

  get failure(): HaifError | null {
    return this.#state.kind === 'failed' ? this.#state.error : null
  }

  /** Whether it has failed and nothing but another start can help. */
  get failedForGood(): boolean {
    return this.#state.kind === 'failed' && !this.#state.again
  }

  get hasUsers(): boolean {
    return this.#users.total > 0
  }

  /** SHA-256 of the file; empty until it is ready. */
  get digest(): string {
    return this.#state.kind === 'ready' ? this.#state.loaded.digest : ''
  }

  /** Null while it is not in memory, or where its engine does not know. */
  get kvCache(): KvCache | null {
    return this.#state.kind === 'ready' ? (this.#state.engine.metrics().kvCache ?? null) : null
  }

  /** What it takes of the memory, for the plan what to unload; null while it is not in memory. */
  get resident(): Resident | null {
    const { kind } = this.#state
    if (kind !== 'ready') return null
    return {
      name: this.name,
      memory: this.facts.memory ?? NO_MEMORY,
      pinned: !this.onDemand,
      busy: this.hasUsers,
      lastUsedAt: this.#lastUsedAt
    }
  }

  begins(phase: LoadPhase): void {
    clearTimeout(this.#retryTimer)
    // What is tried again and again counts as failed until it works.
    if (this.#state.kind === 'failed' && !this.onDemand) return
    this.#state = this.#loading(phase)
    this.#onChange(this)
  }

  progressed(phase: LoadPhase, progress: number): void {
    if (this.#state.kind === 'loading') this.#state = { ...this.#state, phase, progress }
  }

  /** Takes the engine over, unless the worker has stopped in the meantime. */
  async becomesReady(engine: Engine, loaded: LoadedModel): Promise<void> {
    if (this.#closed) return engine.close()
    this.#failures = 0
    this.#lastUsedAt = this.#now()
    if (this.#state.kind === 'loading') this.facts.loadMs = this.#now() - this.#state.startedAt
    this.facts.loaded = loaded
    this.#learn(engine, loaded)
    if (loaded.memory !== undefined) this.facts.memory = loaded.memory
    this.#state = { kind: 'ready', engine, loaded }
    this.#onChange(this)
    void this.#watch(engine)
  }

  #learn(engine: Engine, loaded: LoadedModel): void {
    const { slots, prefillTokensPerSecond, decodeTokensPerSecond } = engine.metrics()
    const capabilities = capabilitiesOf(engine, loaded)
    const { embeddings } = capabilities
    this.facts.slots = slots
    this.facts.reported = {
      capabilities,
      prefillTokensPerSecond,
      decodeTokensPerSecond,
      ...(embeddings ? { embeddings } : {})
    }
  }

  async #watch(engine: Engine): Promise<void> {
    if (engine.lost === undefined) return
    const error = await engine.lost
    if (this.#state.kind === 'ready' && this.#state.engine === engine) this.fails(error)
  }

  fails(cause: unknown): void {
    const error = toHaifError(cause)
    const retry = this.source.retry ?? (error.retryAfterMs === undefined ? undefined : RETRY)
    const again = this.onDemand || retry !== undefined
    const before = this.failure?.message
    this.#state = { kind: 'failed', error, again }
    if (before !== error.message) this.#onChange(this)
    if (!again || this.#closed) return
    this.#failures++
    const backoff = this.onDemand ? LOADABLE_AGAIN : (retry ?? RETRY)
    const delayMs = backoffMs(backoff, this.#failures, Math.random())
    this.#retryTimer = setTimeout(() => this.#again(), delayMs)
  }

  #again(): void {
    if (this.onDemand) this.#becomesLoadable()
    else this.reload()
  }

  /** Nobody wants it any more before it was loaded. */
  givesUp(): void {
    this.#becomesLoadable()
  }

  /** Gives its memory back; it must have no users. */
  async unload(): Promise<void> {
    if (this.#state.kind !== 'ready') return
    const { engine } = this.#state
    this.#becomesLoadable()
    await engine.close()
  }

  #becomesLoadable(): void {
    this.#state = { kind: 'loadable' }
    this.#onChange(this)
  }

  /** The engine, when it can take a request with these parameters. */
  engineFor(request: InferenceRequest): Engine {
    const engine = this.#readyEngine()
    refuseUnsupported(engine, request)
    return engine
  }

  /** The engine, when it can turn texts into vectors. */
  embedder(): Embedder {
    const engine = this.#readyEngine()
    if (canEmbed(engine)) return engine
    throw unsupported(
      'model',
      `the ${engine.kind} engine makes no embeddings of ${this.name}: choose another model`
    )
  }

  #readyEngine(): Engine {
    const { name } = this
    switch (this.#state.kind) {
      case 'loadable':
      case 'loading':
        throw new HaifError('WORKER_OVERLOADED', `${name} is still loading`, { retryAfterMs: 2000 })
      case 'failed':
        throw new HaifError('MODEL_LOAD_FAILED', this.#state.error.message)
      case 'ready':
        return this.#state.engine
    }
  }

  /** Counts a request of a peer, and keeps the model in memory, until the returned function is called. */
  enter(peerKey: string): () => void {
    const leave = this.#users.enter(peerKey)
    return () => {
      leave()
      this.#lastUsedAt = this.#now()
    }
  }

  /** What the worker reports about it to a peer. */
  describe(peerKey?: string): WorkerModel {
    const yours = peerKey === undefined ? 0 : this.#users.of(peerKey)
    const { total: users } = this.#users
    const { source, onDemand, facts } = this
    return describeModel({ source, onDemand, facts, state: this.#state, yours, users }, this.#now())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retryTimer)
    if (this.#state.kind === 'ready') await this.#state.engine.close()
  }

  #loading(phase: LoadPhase): ModelState {
    return { kind: 'loading', phase, progress: 0, startedAt: this.#now() }
  }
}
