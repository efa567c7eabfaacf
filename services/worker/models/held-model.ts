/**
 * A model on this worker: its state and the rules for changing it (SPEC.md), the requests that use
 * it, and what was learned from loading it. It does nothing by itself: `ModelLoader` loads, retries
 * and unloads, and reports here how that went.
 */
import assert from 'node:assert/strict'
import { HaifError } from '#shared/errors.ts'
import type { Memory, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { backoffMs, type Backoff } from '#shared/kit/backoff.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { Tally } from '#shared/kit/tally.ts'
import type { Engine, LoadedModel } from '../engines/engine.ts'
import type { DownloadProgress } from './download/messages.ts'
import { NO_MEMORY, type Resident } from '../memory/make-room.ts'
import { describeModel, factsLearned } from './model-report.ts'
import {
  assertFollows,
  type LoadPhase,
  type ModelFacts,
  type ModelState,
  type ReadyModel
} from './model-state.ts'
import type { ModelSource } from './sources/model-source.ts'

interface HeldModelDeps {
  source: ModelSource
  /** Loaded for requests, not at the start. */
  onDemand?: boolean
  /** Called after each change of state. */
  onChange?: (model: HeldModel) => void
  now?: () => number
}

/** Pauses between the tries of a pinned model, where its source does not say. */
const RETRY: Backoff = { firstMs: 2000, maxMs: 60_000 }
/** Pauses until a model on demand that failed may be tried again. */
const LOADABLE_AGAIN: Backoff = { firstMs: 5000, maxMs: 300_000 }

const DIGEST_SHOWN = 12

/** Where somebody else, a busy server, asks to wait. */
const AGAIN_MS_MAX = 3_600_000

export class HeldModel {
  readonly source: ModelSource
  #onDemand: boolean
  #state: ModelState
  readonly #facts: ModelFacts = {}
  readonly #users = new Tally<string>() // requests, by the key of the peer that sent them
  readonly #onChange: (model: HeldModel) => void
  readonly #now: () => number
  #lastUsedAt = 0
  #failures = 0 // in a row
  /** Of the bytes that it is (H17); undefined until they were loaded. */
  #digest: string | undefined

  constructor({ source, onDemand = false, onChange = () => {}, now }: HeldModelDeps) {
    this.source = source
    this.#onDemand = onDemand
    this.#onChange = onChange
    this.#now = now ?? (() => performance.now())
    this.#state = onDemand ? { kind: 'loadable' } : this.#loading() // H1
  }

  get name(): string {
    return this.source.name
  }

  get onDemand(): boolean {
    return this.#onDemand
  }

  get state(): ModelState {
    return this.#state
  }

  /** True while a request may wait for the model to be loaded. */
  get mayLoad(): boolean {
    const { kind } = this.#state
    return this.onDemand && (kind === 'loadable' || kind === 'loading')
  }

  get failure(): HaifError | null {
    return this.#state.kind === 'failed' ? this.#state.error : null
  }

  /** True when it has failed and only a new start can help. */
  get failedForGood(): boolean {
    return this.#state.kind === 'failed' && !this.#state.again
  }

  get hasUsers(): boolean {
    return this.#users.total > 0
  }

  /** The memory measured at the last load; undefined until there was one. */
  get measuredMemory(): Memory | undefined {
    return this.#facts.memory
  }

  /** The model as `makeRoom` sees it; null while it is not in memory. */
  get resident(): Resident | null {
    if (this.#state.kind !== 'ready') return null
    const { memory = this.#facts.memory } = this.#state.engine.metrics()
    return {
      name: this.name,
      memory: memory ?? NO_MEMORY,
      pinned: !this.onDemand,
      busy: this.hasUsers,
      lastUsedAt: this.#lastUsedAt
    }
  }

  /** H14: the engine for a request, or the reason why there is none. */
  ready(): ReadyModel {
    switch (this.#state.kind) {
      case 'loadable':
      case 'loading':
        throw new HaifError('WORKER_OVERLOADED', `${this.name} is still loading`, {
          retryAfterMs: 2000
        })
      case 'failed':
        throw new HaifError('MODEL_LOAD_FAILED', this.#state.error.message)
      case 'ready':
        return this.#state
    }
  }

  runsOn(engine: Engine): boolean {
    return this.#state.kind === 'ready' && this.#state.engine === engine
  }

  /** Counts a request of a peer, and keeps the model, until the returned function is called. */
  enter(peerKey: string): () => void {
    const leave = this.#users.enter(peerKey)
    return () => {
      leave()
      this.#lastUsedAt = this.#now()
    }
  }

  /** The worker's report about it to a peer. */
  describe(peerKey?: string): WorkerModel {
    const yours = peerKey === undefined ? 0 : this.#users.of(peerKey)
    const { total: users } = this.#users
    const { source, onDemand } = this
    const held = { source, onDemand, facts: this.#facts, state: this.#state, yours, users }
    return describeModel(held, this.#now())
  }

  begins(): void {
    // H11: a pinned model that is tried again counts as failed until it works.
    if (!this.onDemand && this.#state.kind === 'failed') return
    this.#become(this.#loading())
  }

  /** No change of state, and so not worth a report of its own. */
  progressed(phase: LoadPhase, progress: number): void {
    if (this.#state.kind !== 'loading') return
    const { startedAt } = this.#state
    this.#state = { kind: 'loading', startedAt, phase, progress }
  }

  /** The same. */
  downloaded(download: DownloadProgress): void {
    const { bytes, totalBytes } = download
    this.progressed('downloading', totalBytes === null ? 0 : Math.min(1, bytes / totalBytes))
    if (this.#state.kind === 'loading') this.#state = { ...this.#state, download }
  }

  becomesReady(engine: Engine, loaded: LoadedModel): void {
    if (this.#state.kind === 'loading') this.#facts.loadMs = this.#now() - this.#state.startedAt
    this.#failures = 0
    this.#lastUsedAt = this.#now()
    this.#digest = loaded.digest
    Object.assign(this.#facts, factsLearned(engine, loaded))
    this.#become({ kind: 'ready', engine, loaded })
  }

  /** H11: returns after how long to try again; null when only a new start can help. */
  fails(cause: unknown): number | null {
    const error = loadError(cause)
    const backoff = this.#backoffAfter(error)
    const isNews = this.failure?.message !== error.message // H15
    this.#become({ kind: 'failed', error, again: backoff !== null }, isNews)
    if (backoff === null) return null
    this.#failures++
    const pauseMs = backoffMs(backoff, this.#failures, Math.random())
    return Math.max(pauseMs, Math.min(error.retryAfterMs ?? 0, AGAIN_MS_MAX))
  }

  /** H17: throws when other bytes are about to be loaded than those that it was first. */
  assertSame(digest: string | undefined): void {
    const known = this.#digest
    if (known === undefined || digest === undefined || digest === known) return
    const [now, before] = [digest, known].map((each) => each.slice(0, DIGEST_SHOWN))
    throw new HaifError(
      'MODEL_LOAD_FAILED',
      `the file of ${this.name} is another one than this worker has served (SHA-256 ${now}… ` +
        `instead of ${before}…): put that one back, or run "haif models load ${this.name}" or ` +
        'start the worker again to serve the new one'
    )
  }

  /** H17: an operator wants it, whatever its file is now. */
  acceptsOtherBytes(): void {
    this.#digest = undefined
  }

  /** For a model on demand whose load was given up, or which may be tried again after a failure. */
  becomesLoadable(): void {
    this.#become({ kind: 'loadable' })
  }

  /** Gives its memory back. The next request loads it again. */
  async unload(): Promise<void> {
    const { engine } = this.ready()
    assert.ok(!this.hasUsers, `${this.name} is unloaded while requests use it`) // H6
    this.becomesLoadable()
    await engine.close()
  }

  /** H16: it stays from now on; its load has begun, if it was not in memory. */
  pin(): void {
    assert.notEqual(this.#state.kind, 'loadable', `${this.name} is pinned before it is loaded`)
    this.#onDemand = false
    this.#onChange(this)
  }

  /** H16: it may be unloaded from now on. */
  release(): void {
    this.#onDemand = true
    if (this.#state.kind === 'failed') this.becomesLoadable()
    else this.#onChange(this)
  }

  async close(): Promise<void> {
    if (this.#state.kind === 'ready') await this.#state.engine.close()
  }

  #become(next: ModelState, isNews = true): void {
    assertFollows(this.onDemand, this.#state.kind, next.kind)
    this.#state = next
    if (isNews) this.#onChange(this)
  }

  #loading(): ModelState {
    return { kind: 'loading', phase: 'loading', progress: 0, startedAt: this.#now() }
  }

  /** Null where another try would fail in the same way. What was ready once may be so again. */
  #backoffAfter({ retryAfterMs }: HaifError): Backoff | null {
    if (this.onDemand) return LOADABLE_AGAIN
    const mayPass = retryAfterMs !== undefined || this.#facts.loaded !== undefined
    return this.source.retry ?? (mayPass ? RETRY : null)
  }
}

/** Also what nobody expected is told in its own words: whoever runs the worker can act on them. */
const loadError = (cause: unknown): HaifError =>
  cause instanceof HaifError
    ? cause
    : new HaifError('MODEL_LOAD_FAILED', `it cannot be loaded: ${reasonOf(cause)}`, { cause })
