/**
 * A model on a worker: what the worker last reported of it, and what the orchestrator has seen
 * itself.
 *
 * Only the worker table changes it, because each change may move it in the table's indexes; what is
 * merely measured (`measuredService`, `measuredItem`) moves nothing.
 */
import assert from 'node:assert/strict'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import {
  CLOSED,
  mayAttempt,
  onAttempt,
  onFailure,
  onSuccess,
  onUndecided,
  type Breaker
} from './breaker.ts'
import type { Fault, Standing } from './reputation.ts'
import type { WorkerLink } from './worker-link.ts'

const LOADING = {
  downloading: 'being downloaded',
  waitingForMemory: 'waiting for memory',
  loading: 'being loaded'
} as const satisfies Record<NonNullable<WorkerModel['phase']>, string>

/** The part of an average that a new measurement makes up. */
const EWMA_WEIGHT = 0.2

/**
 * How an attempt ended, for the holding: a fault of the worker, `refused` for want of a slot, or
 * `undecided` when it shows neither that the worker answers nor that it fails.
 */
export type Outcome = 'succeeded' | 'refused' | 'undecided' | Fault

/** What is held against the holding's worker. */
export interface Character {
  distrustMs(now: number): number
  standing(now: number): Standing | null
}

export class Holding {
  readonly workerKey: string
  readonly link: WorkerLink
  readonly labels: Readonly<Record<string, string>>
  readonly character: Character
  /** How the SHA-256 of its file has to begin, where the operator says so. */
  readonly pin: string | undefined
  #model: WorkerModel
  #draining: boolean
  #breaker: Breaker = CLOSED
  #lastPlacedAt = 0
  #serviceMs = 0
  #itemMs = 0
  /** Attempts of this orchestrator there; the worker reports how many it has from others. */
  #inFlight = 0
  /** The worker has refused an attempt for want of a slot since its last report. */
  #refused = false

  constructor(
    link: WorkerLink,
    model: WorkerModel,
    worker: {
      draining: boolean
      labels: Readonly<Record<string, string>>
      character: Character
      pin?: string | undefined
    }
  ) {
    this.workerKey = link.peer.key
    this.link = link
    this.#model = model
    this.#draining = worker.draining
    this.labels = worker.labels
    this.character = worker.character
    this.pin = worker.pin
  }

  get model(): WorkerModel {
    return this.#model
  }

  get breaker(): Breaker {
    return this.#breaker
  }

  get lastPlacedAt(): number {
    return this.#lastPlacedAt
  }

  /** How long a request holds a slot there, measured; 0: not yet. */
  get serviceMs(): number {
    return this.#serviceMs
  }

  /** The time between two items of an answer, measured; 0: not yet. */
  get itemMs(): number {
    return this.#itemMs
  }

  get isReady(): boolean {
    return this.#model.state === 'ready' && !this.#draining
  }

  /** Why it answers nothing now, in the words of its worker; empty while it does. */
  get notReadyBecause(): string {
    if (this.#draining) return 'its worker is stopping'
    const { state, error, notice, phase = 'loading', progress = 0 } = this.#model
    if (state === 'failed') return error ?? 'it has failed and gives no reason'
    if (state !== 'loading') return ''
    return notice ?? `it is ${LOADING[phase]} (${Math.floor(progress * 100)} %)`
  }

  /** A request sent there is answered: at once, or after the model has been loaded for it. */
  get mayServe(): boolean {
    const { state, onDemand = false } = this.#model
    const loads = state === 'loadable' || (state === 'loading' && onDemand)
    return (state === 'ready' || loads) && !this.#draining
  }

  /** The time until the model is in memory there, as the worker expects it. */
  get loadMs(): number {
    return this.#model.state === 'ready' ? 0 : (this.#model.loadMs ?? 0)
  }

  /** Requests running and waiting there, as far as is known now. */
  get load(): number {
    const { running, waiting, slots, yours = 0 } = this.#model
    const load = this.#inFlight + Math.max(0, running + waiting - yours)
    return this.#refused ? Math.max(load, slots) : load
  }

  /** An attempt may begin now, although the model may have to be loaded for it. */
  hasFreeSlot(now: number): boolean {
    return this.mayServe && this.load < this.#model.slots && mayAttempt(this.#breaker, now)
  }

  reported(model: WorkerModel, draining: boolean): void {
    this.#model = model
    this.#draining = draining
    this.#refused = false
  }

  /** An attempt takes a slot. */
  placed(now: number): void {
    this.#inFlight++
    this.#lastPlacedAt = now
  }

  /** An attempt has left its slot. */
  left(): void {
    assert(this.#inFlight > 0, 'R9: more attempts have ended than were placed')
    this.#inFlight--
  }

  /**
   * An attempt begins. Returns whether it is the one that an open breaker lets through on trial.
   */
  tried(): boolean {
    const before = this.#breaker
    this.#breaker = onAttempt(before)
    return this.#breaker !== before
  }

  /** An attempt has ended. */
  judged(outcome: Outcome, isTrial: boolean, now: number): void {
    switch (outcome) {
      case 'succeeded':
        this.#breaker = onSuccess()
        break
      case 'lied':
      case 'brokeOff':
      case 'slow':
        this.#breaker = onFailure(this.#breaker, now)
        break
      case 'refused':
      case 'undecided':
        this.#refused ||= outcome === 'refused'
        if (isTrial) this.#breaker = onUndecided(this.#breaker, now)
        break
    }
  }

  measuredService(ms: number): void {
    this.#serviceMs = ewma(this.#serviceMs, ms)
  }

  measuredItem(ms: number): void {
    this.#itemMs = ewma(this.#itemMs, ms)
  }
}

const ewma = (before: number, value: number): number =>
  before === 0 ? value : before + EWMA_WEIGHT * (value - before)
