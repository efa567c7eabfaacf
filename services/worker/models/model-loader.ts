/**
 * Loads the models of a worker: pinned ones at the start, others when a request comes, and again
 * after a failure that may pass. The states that a model goes through, and what never happens to
 * it, are in SPEC.md.
 *
 * Downloads go on side by side. The loading itself goes one after the other (H4), because each
 * load measures what the one before has left.
 */
import { HaifError } from '#shared/errors.ts'
import { Turns } from '#shared/kit/turns.ts'
import type { Engine } from '../engines/engine.ts'
import type { HeldModel } from './held-model.ts'
import { ModelMemory, type ModelMemoryDeps } from './model-memory.ts'
import { LoadCounts } from './model-metrics.ts'

export class ModelLoader {
  readonly #models: readonly HeldModel[]
  readonly #memory: ModelMemory
  readonly #loads = new Map<HeldModel, Promise<void>>() // one for each model at most
  readonly #opened = new Set<Engine>() // one for each load
  readonly #waiters = new Set<() => void>() // one for each load at most
  readonly #retries = new Map<HeldModel, NodeJS.Timeout>() // one for each model at most
  readonly #turns = new Turns()
  readonly #counts = new LoadCounts()
  readonly #stopping = new AbortController()

  constructor(deps: ModelMemoryDeps) {
    this.#models = deps.models
    this.#memory = new ModelMemory(deps)
  }

  /** Resolves when every pinned model is ready or has failed. */
  async loadPinned(): Promise<void> {
    const pinned = this.#models.filter((model) => !model.onDemand)
    await Promise.all(pinned.map((model) => this.load(model)))
  }

  /**
   * Resolves when the model is ready, has failed or is not wanted any more, as its state then says.
   * Joins a load under way (H3). A model on demand must be one that may load.
   */
  load(model: HeldModel): Promise<void> {
    const known = this.#loads.get(model)
    if (known !== undefined) return known
    const loading = this.#load(model).finally(() => this.#loads.delete(model))
    this.#loads.set(model, loading)
    return loading
  }

  /** H16: fetches its files, and leaves it at that. Joins a load under way (H3). */
  fetch(model: HeldModel): Promise<void> {
    const known = this.#loads.get(model)
    if (known !== undefined) return known
    const fetching = this.#fetch(model).finally(() => this.#loads.delete(model))
    this.#loads.set(model, fetching)
    return fetching
  }

  /** H16: in turn, as every unloading. Throws CONFLICT while requests use it or it is loading. */
  async unload(model: HeldModel): Promise<void> {
    await this.#turns.run(async () => {
      if (model.state.kind === 'loading') throw inUse(model, 'is being loaded')
      if (model.hasUsers) throw inUse(model, 'answers requests')
      if (model.state.kind === 'ready') await model.unload()
    })
    this.changed()
  }

  /** Called when a request has ended: whoever waits for memory looks again. */
  changed(): void {
    for (const wake of this.#waiters) wake()
    this.#waiters.clear()
  }

  /** What it stands on is gone: it fails with that reason, and H11 applies while it is held. */
  lose(model: HeldModel, error: HaifError): void {
    if (model.state.kind !== 'ready') return
    const { engine } = model.state
    this.#failed(model, error)
    void engine.close()
    this.changed()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new HaifError('SHUTTING_DOWN', 'the worker is stopping'))
    this.changed()
    for (const timer of this.#retries.values()) clearTimeout(timer)
    this.#retries.clear()
    const opened = [...this.#opened].map((engine) => engine.close())
    await Promise.all([...opened, ...this.#models.map((model) => model.close())])
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  async #load(model: HeldModel): Promise<void> {
    let engine: Engine | null = null
    const startedAt = performance.now()
    const ended = (outcome: 'ready' | 'failed') =>
      this.#counts.loaded(model.name, outcome, (performance.now() - startedAt) / 1000)
    try {
      model.begins()
      engine = await model.source.open(
        (download) => model.downloaded(download),
        this.#stopping.signal
      )
      this.#opened.add(engine)
      if (await this.#loadWhenThereIsRoom(model, engine)) return ended('ready')
      await engine.close()
      if (model.onDemand) model.becomesLoadable()
    } catch (error) {
      await engine?.close()
      this.#failed(model, error)
      ended('failed')
    } finally {
      if (engine !== null) this.#opened.delete(engine)
      this.changed()
    }
  }

  async #fetch(model: HeldModel): Promise<void> {
    try {
      model.begins()
      await model.source.fetch?.((done) => model.downloaded(done), this.#stopping.signal)
      model.becomesLoadable()
    } catch (error) {
      this.#failed(model, error)
    }
  }

  /** False when nobody wants the model any more (H10). */
  async #loadWhenThereIsRoom(model: HeldModel, engine: Engine): Promise<boolean> {
    while (!this.#stopped) {
      const { promise: changed, resolve } = Promise.withResolvers<void>()
      this.#waiters.add(resolve) // before the look, so that no change is missed
      if (await this.#turns.run(() => this.#tryLoad(model, engine))) return true
      model.progressed('waitingForMemory', 0)
      await changed
      if (model.onDemand && !model.hasUsers) return false
    }
    return false
  }

  /** False when there is no room now, or the worker has stopped. */
  async #tryLoad(model: HeldModel, engine: Engine): Promise<boolean> {
    if (this.#stopped) return false
    model.assertSame(await engine.digest?.())
    if (!(await this.#memory.makeRoomFor(model, engine))) return false
    model.progressed('loading', 0)
    const loaded = await engine.load((fraction) => model.progressed('loading', fraction))
    if (this.#stopped || !this.#models.includes(model)) return false
    model.becomesReady(engine, loaded)
    void this.#watch(model, engine)
    if (loaded.memory !== undefined) await this.#memory.trim(model)
    return true
  }

  /** H12: a model whose engine is lost has failed. */
  async #watch(model: HeldModel, engine: Engine): Promise<void> {
    if (engine.lost === undefined) return
    const error = await engine.lost
    if (!model.runsOn(engine)) return
    this.#failed(model, error)
    this.changed()
  }

  #failed(model: HeldModel, error: unknown): void {
    const retryInMs = model.fails(error)
    clearTimeout(this.#retries.get(model))
    if (retryInMs === null || this.#stopped || !this.#models.includes(model)) return
    this.#retries.set(
      model,
      setTimeout(() => this.#tryAgain(model), retryInMs)
    )
  }

  #tryAgain(model: HeldModel): void {
    this.#retries.delete(model)
    // An operator may have had it loaded, or let go, since it failed.
    if (!this.#models.includes(model) || model.state.kind !== 'failed') return
    if (model.onDemand) model.becomesLoadable()
    else void this.load(model)
  }
}

const inUse = (model: HeldModel, why: string): HaifError =>
  new HaifError('CONFLICT', `${model.name} ${why}: wait for that, or drain the worker first`)
