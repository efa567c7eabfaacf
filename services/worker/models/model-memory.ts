/**
 * Keeps the models of a worker within its memory budget: before a load it unloads idle models, and
 * after it makes up for what was estimated too low. Only called in turn (H4), so that nothing else
 * is loaded or unloaded meanwhile.
 */
import assert from 'node:assert/strict'
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { Engine } from '../engines/engine.ts'
import { makeRoom, NO_MEMORY, roomBeside, type Resident } from '../memory/make-room.ts'
import type { MemoryBudget } from '../memory/memory-budget.ts'
import type { HeldModel } from './held-model.ts'

export interface ModelMemoryDeps {
  models: readonly HeldModel[]
  /** Asked once, when it is first needed. */
  budget: () => Promise<MemoryBudget>
}

export class ModelMemory {
  readonly #deps: ModelMemoryDeps
  #budget: Promise<MemoryBudget> | null = null

  constructor(deps: ModelMemoryDeps) {
    this.#deps = deps
  }

  /** False when running requests must end first; throws when there will never be room. */
  async makeRoomFor(model: HeldModel, engine: Engine): Promise<boolean> {
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
    const need = model.measuredMemory ?? estimate.memory
    const room = makeRoom(need, this.#residents(), budget)
    switch (room.kind) {
      case 'never':
        if (mustFit) throw tooLarge(model, need, room.most)
        return true
      case 'wait':
        return false
      case 'fits':
        await this.#unload(room.unload)
        this.#assertRoom(need, budget)
        return true
    }
  }

  /** The measured memory may be more than the estimate: others go, so that the budget holds. */
  async trim(justLoaded: HeldModel): Promise<void> {
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
    const leaving = this.#deps.models.filter(({ name }) => names.includes(name))
    await Promise.all(leaving.map((model) => model.unload()))
  }

  /** H7: what is about to be loaded fits. */
  #assertRoom(need: Memory, budget: MemoryBudget): void {
    const room = makeRoom(need, this.#residents(), budget)
    assert.ok(room.kind === 'fits' && room.unload.length === 0, 'the memory budget is exceeded')
  }

  /** Null: nothing is ever unloaded here, and each model looks for itself how much it may take. */
  async #readBudget(): Promise<MemoryBudget | null> {
    this.#budget ??= this.#deps.budget()
    const budget = await this.#budget
    return budget.strict || this.#deps.models.some(({ onDemand }) => onDemand) ? budget : null
  }

  #residents(): Resident[] {
    return this.#deps.models.flatMap((model) => model.resident ?? [])
  }
}

function tooLarge(model: HeldModel, need: Memory | null, most: Memory): HaifError {
  const needs = need === null ? leastNeedOf(model) : inWords(need)
  return new HaifError(
    'MODEL_LOAD_FAILED',
    `${model.name} does not fit: its worker has ${inWords(most)} for it, beside what stays loaded, ` +
      `and it needs ${needs}; raise --memory-budget there, ask for less --context, or choose a smaller model`
  )
}

/** Where not even the smallest context fits, the weights alone say how far off it is. */
function leastNeedOf({ source }: HeldModel): string {
  const { sizeBytes } = source.expect?.() ?? {}
  return sizeBytes === undefined
    ? 'more than that'
    : `more than the ${gigabytes(sizeBytes)} of its file`
}

function inWords({ ramBytes, vramBytes }: Memory): string {
  const ram = `${gigabytes(ramBytes)} of RAM`
  return vramBytes === 0 ? ram : `${ram} and ${gigabytes(vramBytes)} of VRAM`
}

const gigabytes = (bytes: number): string => `${Number((bytes / 1e9).toPrecision(3))} GB`
