/**
 * Gives each attempt a worker: at once where one has a free slot, else when its turn comes in the
 * queue of its model.
 *
 * A request waits here and not on a worker, so that whoever is free first gets it and tenants share
 * fairly. Everything that may free a slot (an ended attempt, a report, a lost worker) calls `pump`.
 */
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Holding } from '../workers/holding.ts'
import { explain, reasonOf } from './explain.ts'
import type { Share } from './fair-queue.ts'
import { Grant } from './grant.ts'
import { notEligible } from './no-worker.ts'
import { placeAttempt, type Placement, type PlacementRequest } from './placement.ts'
import { WaitingBytes } from './waiting-bytes.ts'
import { WaitingLine } from './waiting-line.ts'
import type { WorkerTable } from '../workers/worker-table.ts'

export interface QueuedRequest {
  model: string
  share: Share
  placement: PlacementRequest
  /** Workers that have seen the beginning of the prompt. */
  affine: Iterable<string>
  /** About what the request takes in memory; looked at when it has to wait. */
  bytes?: () => number
  /** Milliseconds until the caller's deadline. */
  remainingMs?: () => number
  /** The grant shall explain the choice. */
  explain?: boolean
  /** Called when the request has to wait, and when its place changes. */
  onPosition?: ((position: Position) => void) | undefined
}

export interface Position {
  /** Requests that are served before it. */
  ahead: number
  /** The expected wait, from the measured time of a request and the slots there are. */
  waitMs: number
}

/** A decision, and the workers that it was made among. */
type Decision = Placement<Holding> & { candidates: Iterable<Holding> }
type Chosen = Extract<Decision, { kind: 'placed' }>

interface Waiting {
  ask: QueuedRequest
  settle(outcome: Grant | HaifError): void
}

/** The part of the average service time that a new measurement makes up. */
const SERVICE_WEIGHT = 0.1
/** Callers that watch the queue hear of a change at most this often. */
const POSITIONS_MS = 500
/** Models that an orchestrator remembers something about: a service time, a series of metrics. */
export const MODELS_MAX = 1024

export class Dispatcher {
  readonly #table: WorkerTable
  readonly #now: () => number
  readonly #lines = new Map<string, WaitingLine<Waiting>>() // one for each model that is waited for
  readonly #waitingBytes = new WaitingBytes()
  readonly #serviceMs = new Map<string, number>() // at most MODELS_MAX

  constructor(deps: { table: WorkerTable; now: () => number }) {
    this.#table = deps.table
    this.#now = deps.now
  }

  /** Requests waiting for a model. */
  waiting(model: string): number {
    return this.#lines.get(model)?.size ?? 0
  }

  /** A worker that can begin now, or null; for a second attempt beside a slow one. */
  tryNow(ask: QueuedRequest): Grant | null {
    const placement = this.#place(ask)
    return placement.kind === 'placed' ? this.#grant(ask, placement) : null
  }

  /** Waits for a worker, within the context's deadline. */
  async acquire(ask: QueuedRequest, context: RequestContext): Promise<Grant> {
    context.signal.throwIfAborted()
    const placement = this.#place(ask)
    if (placement.kind === 'ineligible') throw notEligible(this.#table, ask.model, placement.reason)
    // Requests that wait already come first.
    if (placement.kind === 'placed' && this.waiting(ask.model) === 0) {
      return this.#grant(ask, placement)
    }
    return this.#wait(ask, context)
  }

  /** Something has changed for a model: gives out what has become free. */
  pump(model: string): void {
    const line = this.#lines.get(model)
    if (line === undefined) return
    line.offer(
      (waiting) => this.#offer(waiting),
      () => this.#table.hasFree(model)
    )
    if (line.size === 0) this.#lines.delete(model)
    else this.#reportPositions(line)
  }

  /**
   * Returns whether the request left the line: with a worker, or because none can ever serve it.
   */
  #offer(waiting: Waiting): boolean {
    const placement = this.#place(waiting.ask)
    switch (placement.kind) {
      case 'busy':
        return false
      case 'placed':
        waiting.settle(this.#grant(waiting.ask, placement))
        return true
      case 'ineligible':
        waiting.settle(notEligible(this.#table, waiting.ask.model, placement.reason))
        return true
    }
  }

  /** A sample of the model's holders, and those that have seen the prompt's beginning. */
  #candidates({ model, affine }: QueuedRequest): Set<Holding> {
    const candidates = new Set(this.#table.candidates(model))
    for (const key of affine) {
      const holding = this.#table.holding(key, model)
      if (holding !== undefined) candidates.add(holding)
    }
    return candidates
  }

  #place(ask: QueuedRequest): Decision {
    const { model } = ask
    const queueMs = this.#table.isReady(model)
      ? this.#waitMs(model, this.waiting(model) + 1)
      : undefined
    const placement = { ...ask.placement, queueMs, remainingMs: ask.remainingMs?.() }
    const sample = this.#candidates(ask)
    const decision = placeAttempt(sample, placement, this.#now())
    const all = this.#table.holders(model)
    // The sample may have missed the only ones that can serve it.
    if (decision.kind === 'ineligible' && sample.size < all.size) {
      return { ...placeAttempt(all, placement, this.#now()), candidates: all }
    }
    return { ...decision, candidates: sample }
  }

  #grant(ask: QueuedRequest, { chosen: holding, score, candidates }: Chosen): Grant {
    const startedAt = this.#now()
    const explanation =
      ask.explain === true ? explain(score, candidates, ask.placement, startedAt) : undefined
    const { name } = holding.model
    const placed = this.#table.placed(holding)
    const { promptTokens } = ask.placement
    const reason = () => reasonOf(score, { promptTokens })
    return new Grant({ holding, score, explanation, reason }, (outcome) => {
      // The time of a load says nothing of the next request.
      if (outcome === 'succeeded' && score.loadMs === 0) {
        const ms = this.#now() - startedAt
        holding.measuredService(ms)
        this.#measured(name, ms)
      }
      this.#table.ended(placed, outcome)
      this.pump(name)
    })
  }

  async #wait(ask: QueuedRequest, context: RequestContext): Promise<Grant> {
    const { tenant } = ask.share
    const bytes = ask.bytes?.() ?? 0
    if (!this.#waitingBytes.enter(tenant, bytes)) {
      throw new HaifError('RATE_LIMITED', 'the requests that wait are too large together', {
        retryAfterMs: this.#waitMs(ask.model, this.waiting(ask.model))
      })
    }
    try {
      return await this.#waitInLine(ask, context)
    } finally {
      this.#waitingBytes.leave(tenant, bytes)
    }
  }

  async #waitInLine(ask: QueuedRequest, context: RequestContext): Promise<Grant> {
    const { model } = ask
    const line = this.#lines.get(model) ?? new WaitingLine<Waiting>()
    this.#lines.set(model, line)
    const { promise, resolve } = Promise.withResolvers<Grant | HaifError>()
    const waiting: Waiting = { ask, settle: resolve }
    const position = this.#join(line, waiting)
    if (position.waitMs > context.remainingMs()) {
      this.#leave(line, waiting)
      throw this.#tooLate(model, position)
    }
    ask.onPosition?.(position)
    const stopListening = context.onAbort(() => {
      this.#leave(line, waiting)
      resolve(context.signal.reason as HaifError)
    })
    if (this.#table.hasFree(model)) this.pump(model)
    try {
      const outcome = await promise
      if (outcome instanceof Error) throw outcome
      return outcome
    } finally {
      stopListening()
    }
  }

  #leave(line: WaitingLine<Waiting>, waiting: Waiting): void {
    line.leave(waiting)
    const { model } = waiting.ask
    // After its last one a line is forgotten, and the next to wait makes a new one.
    if (line.size === 0 && this.#lines.get(model) === line) this.#lines.delete(model)
  }

  #join(line: WaitingLine<Waiting>, waiting: Waiting): Position {
    const { model, share } = waiting.ask
    if (!line.join(waiting, share)) {
      throw new HaifError('RATE_LIMITED', `${line.size} requests wait for ${model} already`, {
        retryAfterMs: this.#waitMs(model, line.size)
      })
    }
    return this.#position(line, waiting)
  }

  /** At intervals and not at every change: in a long line each change moves everybody. */
  #reportPositions(line: WaitingLine<Waiting>): void {
    if (this.#now() - line.reportedAt < POSITIONS_MS) return
    line.reportedAt = this.#now()
    line.each((waiting) => this.#reportPosition(waiting))
  }

  #reportPosition(waiting: Waiting): void {
    const line = this.#lines.get(waiting.ask.model)
    if (line === undefined || waiting.ask.onPosition === undefined) return
    waiting.ask.onPosition(this.#position(line, waiting))
  }

  #position(line: WaitingLine<Waiting>, waiting: Waiting): Position {
    const ahead = line.position(waiting)
    return { ahead, waitMs: this.#waitMs(waiting.ask.model, ahead + 1) }
  }

  /** The time until so many more requests have been served. */
  #waitMs(model: string, requests: number): number {
    const serviceMs = this.#serviceMs.get(model) ?? 0 // unmeasured: nobody is refused for it
    return (requests * serviceMs) / Math.max(1, this.#table.slots(model))
  }

  #measured(model: string, ms: number): void {
    const before = this.#serviceMs.get(model)
    if (before === undefined && this.#serviceMs.size >= MODELS_MAX) return
    this.#serviceMs.set(model, before === undefined ? ms : before + SERVICE_WEIGHT * (ms - before))
  }

  #tooLate(model: string, { ahead, waitMs }: Position): HaifError {
    const seconds = Math.ceil(waitMs / 1000)
    return new HaifError(
      'WORKER_OVERLOADED',
      `${ahead} requests wait for ${model} already: ` +
        `this one could not start within its deadline (about ${seconds} s)`,
      { retryAfterMs: waitMs }
    )
  }
}
