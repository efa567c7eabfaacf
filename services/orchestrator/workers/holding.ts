/** A model on a worker: what the worker last said of it, and what the orchestrator has seen itself. */
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { CLOSED, mayAttempt, type Breaker } from './breaker.ts'

/** How much a new measurement counts. */
const EWMA_WEIGHT = 0.2

export class Holding {
  readonly workerKey: string
  readonly link: PeerLink
  readonly labels: Readonly<Record<string, string>>
  model: WorkerModel
  draining: boolean
  breaker: Breaker = CLOSED
  lastPlacedAt = 0
  /** Measured: how long a request holds a slot, and the time between two of its items. 0: not yet. */
  serviceMs = 0
  itemMs = 0
  /** Requests of ours there. The worker says how many it has from others. */
  #inFlight = 0
  /** The worker has refused for want of a slot since its last report. */
  #refused = false

  constructor(
    link: PeerLink,
    model: WorkerModel,
    worker: { draining: boolean; labels: Readonly<Record<string, string>> }
  ) {
    this.workerKey = link.peer.key
    this.link = link
    this.model = model
    this.draining = worker.draining
    this.labels = worker.labels
  }

  get isReady(): boolean {
    return this.model.state === 'ready' && !this.draining
  }

  /** Whether a request sent there is answered: at once, or after the model has been loaded for it. */
  get mayServe(): boolean {
    const { state, onDemand = false } = this.model
    const loads = state === 'loadable' || (state === 'loading' && onDemand)
    return (state === 'ready' || loads) && !this.draining
  }

  /** Until the model is in memory there, as the worker expects it. */
  get loadMs(): number {
    return this.model.state === 'ready' ? 0 : (this.model.loadMs ?? 0)
  }

  /** Requests running and waiting there, as far as is known now. */
  get load(): number {
    const { running, waiting, slots, yours = 0 } = this.model
    const load = this.#inFlight + Math.max(0, running + waiting - yours)
    return this.#refused ? Math.max(load, slots) : load
  }

  /** One that an attempt may take now, although the model may have to be loaded for it. */
  hasFreeSlot(now: number): boolean {
    return this.mayServe && this.load < this.model.slots && mayAttempt(this.breaker, now)
  }

  reported(model: WorkerModel, draining: boolean): void {
    this.model = model
    this.draining = draining
    this.#refused = false
  }

  placed(now: number): void {
    this.#inFlight++
    this.lastPlacedAt = now
  }

  finished(): void {
    this.#inFlight--
  }

  refused(): void {
    this.#refused = true
  }

  measuredService(ms: number): void {
    this.serviceMs = ewma(this.serviceMs, ms)
  }

  measuredItem(ms: number): void {
    this.itemMs = ewma(this.itemMs, ms)
  }
}

const ewma = (before: number, value: number): number =>
  before === 0 ? value : before + EWMA_WEIGHT * (value - before)
