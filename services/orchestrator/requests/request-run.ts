/**
 * A request from its arrival to its end: attempt after attempt, until one has answered it whole.
 *
 * An attempt that fails is fenced, and the next one continues after the tokens that were passed on
 * already. One that falls silent gets a rival on another worker, and the first to answer wins.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { ATTEMPTS_TOLD_MAX, type AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import type { QueuedView } from '#shared/contracts/http/admin/queue.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import type { AttemptRequest, InferenceRequest } from '#shared/contracts/inference/request.ts'
import { SentTokens } from '#shared/inference/failover/sent-tokens.ts'
import { withAttempts } from '#shared/inference/told-attempts.ts'
import { causeOf } from '#shared/kit/reason-of.ts'
import type { Logger } from '#shared/process/log.ts'
import { childContext, type OwnedContext, type RequestContext } from '#shared/rpc/context.ts'
import { ItemBatch } from '#shared/rpc/items.ts'
import type { AttemptCounts } from '../orchestrator-metrics.ts'
import type { QueuedRequest, Dispatcher, Position } from '../placement/dispatcher.ts'
import type { Grant } from '../placement/grant.ts'
import type { Holding } from '../workers/holding.ts'
import { Attempt } from './attempt.ts'
import { Latest } from './latest.ts'
import { Rivals } from './rivals.ts'
import { mayTakeElsewhere, mayTryOn } from './worker-error.ts'

/** Attempts of one request, and refusals for want of a slot beside them. */
const ATTEMPTS_MAX = 8
const REFUSALS_MAX = 32

/** Time between two looks whether the only worker is back, which a caller that watches hears of. */
const RETURN_LOOK_MS = 100
const RETURN_SAID_MS = 1000
/** An answer that has begun is worth waiting for while a laptop sleeps for half a minute. */
const BEGUN_PATIENCE = 3

type Batch = ItemBatch<InferenceItem>

interface RunDeps {
  dispatcher: Dispatcher
  counts: AttemptCounts
  log: Logger
  now: () => number
  /** How long an answer waits for its only worker to come back. */
  returnMs?: number
  /** Remembers that a worker has seen the request's prompt. */
  onBegun: (workerKey: string) => void
  /** Those that run, with this one while it does. */
  runs: Set<RequestRun>
  /** Throws when this orchestrator is stopping. */
  assertUp: () => void
}

export class RequestRun {
  readonly #deps: RunDeps
  readonly #request: InferenceRequest
  readonly #context: OwnedContext
  readonly #ask: QueuedRequest
  readonly #failed = new Set<Holding>() // at most ATTEMPTS_MAX
  readonly #begun: Attempt[] = [] // at most ATTEMPTS_MAX; refusals are no attempts
  readonly #tried: Attempt[] = [] // with refusals; at most ATTEMPTS_TOLD_MAX
  readonly #begunAt: number
  readonly #sent: SentTokens
  readonly #rivals: Rivals
  #refusals = 0

  constructor(
    deps: RunDeps,
    request: InferenceRequest,
    context: RequestContext,
    ask: Omit<QueuedRequest, 'placement'> & {
      placement: Omit<QueuedRequest['placement'], 'exclude'>
    }
  ) {
    this.#deps = deps
    this.#begunAt = deps.now()
    this.#request = request
    this.#context = childContext(context)
    this.#ask = {
      ...ask,
      remainingMs: () => context.remainingMs(),
      placement: { ...ask.placement, exclude: this.#failed }
    }
    this.#sent = new SentTokens(request.sent)
    this.#rivals = new Rivals(deps.now)
  }

  async *run(): AsyncGenerator<Batch, InferenceEnd, void> {
    this.#deps.runs.add(this)
    try {
      this.#open(yield* this.#grant())
      for (;;) {
        const step = await this.#rivals.next()
        switch (step?.kind) {
          case undefined:
            this.#addRival()
            break
          case 'loading':
            if (this.#isWatched) yield step.batch
            break
          case 'items':
            this.#rivals.won(step.attempt)
            this.#sent.addBatch(step.batch)
            yield step.batch
            break
          case 'end':
            return this.#served(step.end)
          case 'failed':
            yield* this.#afterFailure(step.attempt, step.error)
            break
        }
      }
    } catch (error) {
      this.#deps.assertUp()
      throw withAttempts(error, this.#tries())
    } finally {
      this.#deps.runs.delete(this)
      this.#rivals.end()
      this.#context[Symbol.dispose]()
    }
  }

  /** Ends it, whether it runs or waits; its caller hears why. */
  cancel(error: HaifError): void {
    this.#context.abort(error)
  }

  /** The request as operators see it in the queue. */
  view(): QueuedView {
    const { share, model } = this.#ask
    const { tenant, weight, priority } = share
    const attempt = this.#rivals.latest
    return {
      requestId: this.#context.requestId,
      tenant,
      model,
      priority,
      weight,
      ageMs: this.#deps.now() - this.#begunAt,
      attempts: this.#begun.length,
      ...(attempt === null ? {} : { worker: attempt.holding.workerKey })
    }
  }

  #tries(): AttemptTold[] {
    return this.#tried.map((attempt) => attempt.told(this.#begunAt))
  }

  /** The caller wants to see what the request waits for. */
  get #isWatched(): boolean {
    return this.#request.handling.watchQueue === true
  }

  #served(end: InferenceEnd): InferenceEnd {
    const workers = this.#begun.map(({ holding }) => holding.workerKey)
    const served = { ...end, attempts: workers.length, workers, tries: this.#tries() }
    if (this.#request.handling.explain !== true) return served
    return { ...served, explanations: this.#begun.flatMap(({ explanation }) => explanation ?? []) }
  }

  /** Waits for a worker; a caller that watches gets its place in the queue until then. */
  async *#grant(asked = this.#ask): AsyncGenerator<Batch, Grant, void> {
    if (!this.#isWatched) return this.#acquire(asked)
    const positions = new Latest<Position>()
    const onPosition = (position: Position) => positions.set(position)
    const granted = this.#acquire({ ...asked, onPosition })
    granted.then(
      () => positions.end(),
      () => positions.end()
    )
    yield* this.#batchesOf(positions, granted)
    return granted
  }

  async #acquire(ask: QueuedRequest): Promise<Grant> {
    const askedAt = this.#deps.now()
    const grant = await this.#deps.dispatcher.acquire(ask, this.#context)
    this.#deps.counts.waited(this.#deps.now() - askedAt)
    return grant
  }

  async *#batchesOf(
    positions: Latest<Position>,
    granted: Promise<Grant>
  ): AsyncGenerator<Batch, void, void> {
    let isRead = false
    let ahead = -1
    try {
      for await (const queued of positions) {
        if (queued.ahead === ahead) continue
        ahead = queued.ahead
        yield ItemBatch.of(itemCodec, [{ seq: this.#sent.count, tokenIds: [], text: '', queued }])
      }
      isRead = true
    } finally {
      // The caller has left: a worker that is granted now is given back.
      if (!isRead) granted.then((grant) => grant.failed(null)).catch(() => {})
    }
  }

  #open(grant: Grant): void {
    const asked = { ...this.#request.asked, model: this.#ask.model }
    const { cacheScope } = this.#request.charge
    const begun = cacheScope === undefined ? { asked } : { asked, cacheScope }
    const request = this.#sent.continued<AttemptRequest & { asked: { model: string } }>(begun)
    const attempt = new Attempt(grant, request, this.#context, this.#deps)
    this.#begun.push(attempt)
    if (this.#tried.length < ATTEMPTS_TOLD_MAX) this.#tried.push(attempt)
    this.#rivals.add(attempt)
    this.#deps.onBegun(grant.holding.workerKey)
  }

  /** A second attempt beside the silent one, if some other worker is free. */
  #addRival(): void {
    const silent = this.#rivals.alone
    if (silent === null) return
    if (this.#begun.length >= ATTEMPTS_MAX || !this.#sent.canContinue) return
    const exclude = new Set([...this.#failed, silent.holding])
    const placement = { ...this.#ask.placement, exclude }
    const grant = this.#deps.dispatcher.tryNow({ ...this.#ask, placement })
    if (grant === null) return
    const { requestId } = this.#context
    this.#deps.counts.hedge()
    this.#deps.log.info({ requestId, worker: silent.holding.workerKey }, 'silent, trying another')
    this.#open(grant)
  }

  /** From now on only workers are asked that would not refuse in the same way. */
  #refusedBy({ holding }: Attempt, { code, details = {} }: HaifError): void {
    const { placement } = this.#ask
    const { promptTokens } = details
    // A worker that has counted the prompt says how long a context must be: another may have it.
    const isCounted = code === 'CONTEXT_TOO_LONG' && typeof promptTokens === 'number'
    this.#ask.placement = isCounted
      ? { ...placement, contextTokens: Math.max(placement.contextTokens ?? 0, promptTokens + 1) }
      : { ...placement, unlike: [...(placement.unlike ?? []), holding.model] }
  }

  async *#afterFailure(attempt: Attempt, error: HaifError): AsyncGenerator<Batch, void, void> {
    this.#rivals.remove(attempt)
    const isRefusal = error.code === 'WORKER_OVERLOADED'
    if (isRefusal) {
      this.#begun.splice(this.#begun.indexOf(attempt), 1)
      this.#refusals++
    } else {
      this.#failed.add(attempt.holding)
    }
    if (this.#rivals.size > 0) return // the other one goes on
    this.#logFailure(attempt, error)
    const isOfItsKind = mayTakeElsewhere(error)
    if (isOfItsKind) this.#refusedBy(attempt, error)
    else if (!mayTryOn(error)) throw error
    if (!this.#sent.canContinue) throw error
    if (this.#begun.length >= ATTEMPTS_MAX || this.#refusals >= REFUSALS_MAX) throw error
    try {
      this.#open(yield* this.#grantAfter(error))
      if (!isRefusal && !isOfItsKind) this.#deps.counts.failover()
    } catch (next) {
      // That nobody else can take it is a consequence; the caller shall hear the cause.
      throw isConsequence(next) && !isRefusal ? error : next
    }
  }

  /**
   * Another worker, or the same one when its connection is back: it has another address, its relay
   * restarts, its machine has slept. Whoever watches hears that the request waits.
   */
  async *#grantAfter(error: HaifError): AsyncGenerator<Batch, Grant, void> {
    const { now, returnMs = 0 } = this.#deps
    const isLost = error.code === 'WORKER_LOST'
    const patienceMs = this.#sent.count > 0 ? returnMs * BEGUN_PATIENCE : returnMs
    const until = now() + (isLost ? patienceMs : 0)
    let saidAt = -Infinity
    for (;;) {
      try {
        return yield* this.#grant()
      } catch (next) {
        if (!isConsequence(next) || now() >= until || this.#context.remainingMs() <= 0) throw next
      }
      if (this.#isWatched && now() - saidAt >= RETURN_SAID_MS) {
        saidAt = now()
        const queued = { ahead: 0, waitMs: until - saidAt }
        yield ItemBatch.of(itemCodec, [{ seq: this.#sent.count, tokenIds: [], text: '', queued }])
      }
      await sleep(RETURN_LOOK_MS)
      this.#context.signal.throwIfAborted()
    }
  }

  /** A worker that is full has refused as it should; any other failure has a cause to look for. */
  #logFailure({ holding }: Attempt, error: HaifError): void {
    const { requestId } = this.#context
    const { code } = error
    const fields = { requestId, worker: holding.workerKey, model: holding.model.name, code }
    const isFault = mayTryOn(error) && code !== 'WORKER_OVERLOADED'
    this.#deps.log[isFault ? 'warn' : 'info'](
      { ...fields, cause: causeOf(error) },
      'attempt failed'
    )
  }
}

const isConsequence = (error: unknown): boolean =>
  error instanceof HaifError && CONSEQUENCES.has(error.code)

/** With the only worker its models are gone, too. */
const CONSEQUENCES: ReadonlySet<string> = new Set(['NO_ELIGIBLE_WORKER', 'MODEL_NOT_FOUND'])
