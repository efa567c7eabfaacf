/**
 * Loads the models of a worker: pinned ones at the start, others when a request comes, one load for
 * however many wait. Makes room within the memory budget by unloading what is idle.
 *
 * Downloads go on side by side; the loading itself goes one after the other, because each measures
 * what the one before has left.
 */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { Turns } from '#shared/kit/turns.ts'
import { HaifError } from '#shared/errors.ts'
import type { Engine } from '../engines/engine.ts'
import type { HeldModel } from './held-model.ts'
import type { MemoryBudget } from '../memory/memory-budget.ts'
import { makeRoom, NO_MEMORY, roomBeside, type Resident } from '../memory/make-room.ts'
import { LoadCounts } from './model-metrics.ts'

export interface ModelLoaderDeps {
  models: readonly HeldModel[]
  /** Asked once, when it is first needed. */
  budget: () => Promise<MemoryBudget>
}

export class ModelLoader {
  readonly #models: readonly HeldModel[]
  readonly #deps: ModelLoaderDeps
  readonly #loads = new Map<HeldModel, Promise<void>>() // one for each model at most
  readonly #opened = new Set<Engine>() // one for each load
  readonly #waiters = new Set<() => void>() // one for each model at most
  readonly #turns = new Turns()
  readonly #counts = new LoadCounts()
  #budget: Promise<MemoryBudget> | null = null
  #stopped = false

  constructor(deps: ModelLoaderDeps) {
    this.#deps = deps
    this.#models = deps.models
    for (const model of deps.models) model.reload = () => void this.load(model)
  }

  /** Resolves when every pinned model is ready or has failed. */
  async loadPinned(): Promise<void> {
    await Promise.all(
      this.#models.filter((model) => !model.onDemand).map((model) => this.load(model))
    )
  }

  /** Resolves when the model is ready or has failed, which its state then says. Joins a load under way. */
  load(model: HeldModel): Promise<void> {
    const known = this.#loads.get(model)
    if (known !== undefined) return known
    const loading = this.#load(model).finally(() => this.#loads.delete(model))
    this.#loads.set(model, loading)
    return loading
  }

  /** A request has ended or a model has changed: who waits for memory looks again. */
  changed(): void {
    for (const wake of this.#waiters) wake()
    this.#waiters.clear()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.changed()
    const opened = [...this.#opened].map((engine) => engine.close())
    await Promise.all([...opened, ...this.#models.map((model) => model.close())])
  }

  async #load(model: HeldModel): Promise<void> {
    let engine: Engine | null = null
    const startedAt = performance.now()
    const loaded = (outcome: 'ready' | 'failed') =>
      this.#counts.loaded(model.source.name, outcome, (performance.now() - startedAt) / 1000)
    try {
      model.begins('loading')
      engine = await model.source.open((fraction) => model.progressed('downloading', fraction))
      this.#opened.add(engine)
      if (await this.#loadWhenThereIsRoom(model, engine)) return loaded('ready')
      await engine.close()
      model.givesUp()
    } catch (error) {
      await engine?.close()
      model.fails(error)
      loaded('failed')
    } finally {
      if (engine !== null) this.#opened.delete(engine)
      this.changed()
    }
  }

  /** False when nobody wants it any more. */
  async #loadWhenThereIsRoom(model: HeldModel, engine: Engine): Promise<boolean> {
    for (;;) {
      const { promise: changed, resolve } = Promise.withResolvers<void>()
      this.#waiters.add(resolve) // before the look, so that no change is missed
      if (await this.#turns.run(() => this.#tryLoad(model, engine))) return true
      model.progressed('waitingForMemory', 0)
      await changed
      if (this.#stopped || (model.onDemand && !model.hasUsers)) return false
    }
  }

  /** False when there is no room now. */
  async #tryLoad(model: HeldModel, engine: Engine): Promise<boolean> {
    if (this.#stopped) return false
    if (!(await this.#makeRoomFor(model, engine))) return false
    model.progressed('loading', 0)
    const loaded = await engine.load((fraction) => model.progressed('loading', fraction))
    await model.becomesReady(engine, loaded)
    if (loaded.memory !== undefined) await this.#trim(model)
    return true
  }

  async #makeRoomFor(model: HeldModel, engine: Engine): Promise<boolean> {
    if (engine.estimate === undefined) return true
    const budget = await this.#readBudget()
    if (budget === null) return true
    const most = roomBeside(this.#residents(), budget)
    const estimate = await engine.estimate(most)
    const mustFit = model.onDemand || budget.strict
    if (estimate === null) {
      if (mustFit) throw tooLarge(model, null, most)
      return true
    }
    const need = model.facts.memory ?? estimate.memory
    const room = makeRoom(need, this.#residents(), budget)
    switch (room.kind) {
      case 'never':
        if (mustFit) throw tooLarge(model, need, room.most)
        return true
      case 'wait':
        return false
      case 'fits':
        await this.#unload(room.unload)
        return true
    }
  }

  /** What was measured may be more than was estimated: others go, so that the budget holds. */
  async #trim(justLoaded: HeldModel): Promise<void> {
    const budget = await this.#readBudget()
    if (budget === null) return
    const residents = this.#residents().map((each) =>
      each.name === justLoaded.name ? { ...each, busy: true } : each
    )
    const room = makeRoom(NO_MEMORY, residents, budget)
    if (room.kind === 'fits') await this.#unload(room.unload)
  }

  /** All of them leave in one go: none takes a request while another one is being closed. */
  async #unload(names: readonly string[]): Promise<void> {
    const leaving = this.#models.filter(({ name }) => names.includes(name))
    await Promise.all(leaving.map((model) => model.unload()))
  }

  /** Null: nothing is ever unloaded here, and each model looks for itself what it may take. */
  async #readBudget(): Promise<MemoryBudget | null> {
    this.#budget ??= this.#deps.budget()
    const budget = await this.#budget
    return budget.strict || this.#models.some(({ onDemand }) => onDemand) ? budget : null
  }

  #residents(): Resident[] {
    return this.#models.flatMap((model) => model.resident ?? [])
  }
}

function tooLarge(model: HeldModel, need: Memory | null, most: Memory): HaifError {
  const needs = need === null ? 'more than that' : inWords(need)
  return new HaifError(
    'MODEL_LOAD_FAILED',
    `${model.name} does not fit: its worker has ${inWords(most)} for it, beside what stays loaded, and it needs ${needs}; ` +
      'raise --memory-budget there, or choose a smaller model'
  )
}

function inWords({ ramBytes, vramBytes }: Memory): string {
  const ram = `${gigabytes(ramBytes)} of RAM`
  return vramBytes === 0 ? ram : `${ram} and ${gigabytes(vramBytes)} of VRAM`
}

const gigabytes = (bytes: number): string => `${Number((bytes / 1e9).toPrecision(3))} GB`
