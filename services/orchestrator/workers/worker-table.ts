/**
 * Holds what the orchestrator knows of each worker. A worker is in it exactly as long as it is
 * connected. Models are indexed, so that a choice costs the same with fifty workers and with ten
 * thousand.
 */
import assert from 'node:assert/strict'
import type { WorkerReport } from '#shared/contracts/peers/peers.ts'
import { Holding, type Character, type Outcome } from './holding.ts'
import { IndexedSet } from './indexed-set.ts'
import { isRightFile, type ModelPins } from './model-pins.ts'
import { Reputation, type Fault } from './reputation.ts'
import type { WorkerLink } from './worker-link.ts'

/** Workers looked at for one choice; where there are more, some are drawn at random. */
const CANDIDATES_MAX = 48

interface Row {
  link: WorkerLink
  holdings: Map<string, Holding>
}

interface ModelIndex {
  all: IndexedSet<Holding>
  /** Holdings with the model ready and a slot free, less those whose breaker is open. */
  free: IndexedSet<Holding>
  /** Holdings that would load the model for a request. */
  loadable: IndexedSet<Holding>
  /** Ready holdings with the slots that each was counted with, and those slots together. */
  ready: Map<Holding, number>
  slots: number
}

/** An attempt on a holding, from its placement to its end. */
interface Placed {
  readonly holding: Holding
  readonly takesSlot: boolean
  /** It is the one that the holding's open breaker lets through. */
  readonly isTrial: boolean
}

export class WorkerTable {
  readonly #rows = new Map<string, Row>() // bounded by the connections of the mesh
  readonly #models = new Map<string, ModelIndex>() // bounded by rows × models per worker
  readonly #reputation = new Reputation()
  readonly #random: () => number
  readonly #now: () => number
  readonly #pins: ModelPins

  constructor(
    random: () => number = Math.random,
    now: () => number = () => performance.now(),
    pins: ModelPins = new Map()
  ) {
    this.#random = random
    this.#now = now
    this.#pins = pins
  }

  get size(): number {
    return this.#rows.size
  }

  /**
   * Takes in a report, and the worker when it is new or has come back on another connection.
   * Returns the models that it holds or held.
   */
  update(link: WorkerLink, report: WorkerReport): Iterable<string> {
    const { key } = link.peer
    const known = this.#rows.get(key)
    if (known !== undefined && known.link !== link) this.#removeRow(key)
    const row = this.#rows.get(key) ?? { link, holdings: new Map() }
    this.#rows.set(key, row)
    const { draining, labels = {} } = report
    const character = this.#characterOf(key)
    const names = new Set(row.holdings.keys())
    const models = report.models.filter((model) => isRightFile(this.#pins, model))
    for (const model of models) {
      names.add(model.name)
      const holding = row.holdings.get(model.name)
      if (holding === undefined) {
        const added = new Holding(link, model, {
          draining,
          labels,
          character,
          pin: this.#pins.get(model.name)
        })
        row.holdings.set(model.name, added)
        this.#indexOf(model.name).all.add(added)
      } else {
        holding.reported(model, draining)
      }
    }
    for (const [name, holding] of row.holdings) {
      if (models.some((model) => model.name === name)) this.#refresh(holding)
      else this.#removeHolding(row, holding)
    }
    return names
  }

  /** Forgets the worker, unless it is connected again already; returns the models it held. */
  remove(link: WorkerLink): string[] {
    const row = this.#rows.get(link.peer.key)
    if (row?.link !== link) return []
    const models = [...row.holdings.keys()]
    this.#removeRow(link.peer.key)
    return models
  }

  /** An attempt begins on the holding; embeddings are made beside its slots. */
  placed(holding: Holding, takesSlot = true): Placed {
    if (takesSlot) holding.placed(this.#now())
    const isTrial = holding.tried()
    this.#refresh(holding)
    return { holding, takesSlot, isTrial }
  }

  /** The attempt has ended, which happens once. A holding may have left the table before. */
  ended({ holding, takesSlot, isTrial }: Placed, outcome: Outcome): void {
    if (takesSlot) holding.left()
    const now = this.#now()
    if (isFault(outcome)) this.#reputation.add(holding.workerKey, outcome, now)
    holding.judged(outcome, isTrial, now)
    this.#refresh(holding)
  }

  /** The connected workers that something is held against, and what. */
  *heldAgainst(): IterableIterator<{ worker: string; reason: string }> {
    for (const worker of this.#rows.keys()) {
      const standing = this.#reputation.standing(worker, this.#now())
      if (standing !== null) yield { worker, reason: standing.reason }
    }
  }

  holding(workerKey: string, model: string): Holding | undefined {
    return this.#rows.get(workerKey)?.holdings.get(model)
  }

  /** Each model on each worker. */
  *holdings(): IterableIterator<Holding> {
    for (const { holdings } of this.#rows.values()) yield* holdings.values()
  }

  /** Every worker that holds the model, ready or not. */
  holders(model: string): IndexedSet<Holding> {
    return this.#models.get(model)?.all ?? new IndexedSet()
  }

  /** An attempt could begin now; where no worker has the model ready, after loading it. */
  hasFree(model: string): boolean {
    const index = this.#models.get(model)
    if (index === undefined) return false
    return index.free.size > 0 || (index.ready.size === 0 && index.loadable.size > 0)
  }

  isReady(model: string): boolean {
    return (this.#models.get(model)?.ready.size ?? 0) > 0
  }

  /** Requests that the ready workers can run at the same time. */
  slots(model: string): number {
    return this.#models.get(model)?.slots ?? 0
  }

  /**
   * A sample for a choice: workers with a free slot, or else busy ones and some that would load it.
   */
  candidates(model: string): Holding[] {
    const index = this.#models.get(model)
    if (index === undefined) return []
    if (index.free.size > 0) return index.free.sample(CANDIDATES_MAX, this.#random)
    const all = index.all.sample(CANDIDATES_MAX, this.#random)
    if (index.loadable.size === 0 || index.all.size <= CANDIDATES_MAX) return all
    return [...new Set([...index.loadable.sample(CANDIDATES_MAX, this.#random), ...all])]
  }

  /** Of all models that some worker holds, in whatever state. */
  modelNames(): Iterable<string> {
    return this.#models.keys()
  }

  /** Names of the models that some worker would load, with how many would. */
  loadableModels(): Map<string, number> {
    const loadable = new Map<string, number>()
    for (const [name, index] of this.#models) {
      if (index.loadable.size > 0) loadable.set(name, index.loadable.size)
    }
    return loadable
  }

  /** Names of the models that some worker has ready, with how many do. */
  readyModels(): Map<string, number> {
    const ready = new Map<string, number>()
    for (const [name, index] of this.#models) {
      if (index.ready.size > 0) ready.set(name, index.ready.size)
    }
    return ready
  }

  #characterOf(workerKey: string): Character {
    const reputation = this.#reputation
    return {
      distrustMs: (now) => reputation.distrustMs(workerKey, now),
      standing: (now) => reputation.standing(workerKey, now)
    }
  }

  /** Puts a holding where its load, its breaker and its state now belong. */
  #refresh(holding: Holding): void {
    const { workerKey, model } = holding
    const index = this.#models.get(model.name)
    if (index === undefined || this.holding(workerKey, model.name) !== holding) return
    const hasFreeSlot = holding.hasFreeSlot(this.#now())
    setMember(index.free, holding, hasFreeSlot && holding.isReady)
    setMember(index.loadable, holding, hasFreeSlot && !holding.isReady)
    uncount(index, holding)
    if (!holding.isReady) return
    index.slots += model.slots
    index.ready.set(holding, model.slots)
  }

  #removeRow(key: string): void {
    const row = this.#rows.get(key)
    if (row === undefined) return
    this.#rows.delete(key)
    for (const holding of row.holdings.values()) this.#removeHolding(row, holding)
  }

  #removeHolding(row: Row, holding: Holding): void {
    const { name } = holding.model
    row.holdings.delete(name)
    const index = this.#models.get(name)
    if (index === undefined) return
    index.all.delete(holding)
    index.free.delete(holding)
    index.loadable.delete(holding)
    uncount(index, holding)
    if (index.all.size === 0) this.#models.delete(name)
  }

  #indexOf(model: string): ModelIndex {
    const known = this.#models.get(model)
    if (known !== undefined) return known
    const index = {
      all: new IndexedSet<Holding>(),
      free: new IndexedSet<Holding>(),
      loadable: new IndexedSet<Holding>(),
      ready: new Map(),
      slots: 0
    }
    this.#models.set(model, index)
    return index
  }
}

const isFault = (outcome: Outcome): outcome is Fault =>
  outcome === 'lied' || outcome === 'brokeOff' || outcome === 'slow'

/** Takes back what the holding was counted with. */
function uncount(index: ModelIndex, holding: Holding): void {
  index.slots -= index.ready.get(holding) ?? 0
  index.ready.delete(holding)
  assert(index.slots >= 0, 'R9: more slots were taken back than were counted')
}

function setMember<T>(set: IndexedSet<T>, member: T, isMember: boolean): void {
  if (isMember) set.add(member)
  else set.delete(member)
}
