/**
 * A request from its arrival to its end: attempt after attempt, until one has answered it whole.
 *
 * An attempt that fails is fenced, and the next one continues after the tokens that were passed on
 * already. One that falls silent gets a rival on another worker, and the first to speak wins.
 */
import { HaifError } from '#shared/errors.ts'
import {
  itemCodec,
  type InferenceEnd,
  type InferenceItem
} from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { SentTokens } from '#shared/inference/sent-tokens.ts'
import type { Logger } from '#shared/process/log.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { ItemBatch } from '#shared/rpc/items.ts'
import { Attempt, type Step } from './attempt.ts'
import type { QueuedRequest, Dispatcher, Grant, Position } from '../placement/dispatcher.ts'
import type { Holding } from '../workers/holding.ts'
import { Latest } from './latest.ts'
import type { AttemptCounts } from '../orchestrator-metrics.ts'
import { Silence } from './silence.ts'

/** Workers that may fail one request, and refusals for want of a slot. */
const ATTEMPTS_MAX = 8
const REFUSALS_MAX = 32
/** How much longer than expected a worker may be silent before it gets a rival. */
const FIRST_ITEM_FACTOR = 4
const ITEM_FACTOR = 20
const SILENCE_MS_MIN = 1500

type Said = ItemBatch<InferenceItem>

export interface RunDeps {
  dispatcher: Dispatcher
  counts: AttemptCounts
  log: Logger
  now: () => number
  /** Remembers that a worker has seen the request's prompt. */
  onBegun: (workerKey: string) => void
  /** Throws when this orchestrator is stopping. */
  assertUp: () => void
}

export class RequestRun {
  readonly #deps: RunDeps
  readonly #request: InferenceRequest
  readonly #context: RequestContext
  readonly #ask: QueuedRequest
  readonly #failed = new Set<Holding>() // at most ATTEMPTS_MAX
  readonly #begun: Attempt[] = [] // at most ATTEMPTS_MAX; refusals are no attempts
  readonly #sent: SentTokens
  #attempts: Attempt[] = [] // one, or two while one of them is silent
  readonly #silence: Silence
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
    this.#request = request
    this.#context = context
    this.#ask = {
      ...ask,
      remainingMs: () => context.remainingMs(),
      placement: { ...ask.placement, exclude: this.#failed }
    }
    this.#sent = new SentTokens(request.resume)
    this.#silence = new Silence(deps.now)
  }

  async *run(): AsyncGenerator<Said, InferenceEnd, void> {
    try {
      this.#open(this.#isWatched ? yield* this.#watchedGrant() : await this.#grant())
      for (;;) {
        const step = await this.#step()
        switch (step?.kind) {
          case undefined:
            this.#addRival()
            break
          case 'items':
            if (!step.attempt.hasSpoken) {
              yield* this.#loadingOf(step.batch)
              break
            }
            this.#won(step.attempt)
            this.#sent.addBatch(step.batch)
            yield step.batch
            break
          case 'end':
            return this.#served(step.end)
          case 'failed':
            yield* this.#afterFailure(step)
            break
        }
      }
    } catch (error) {
      this.#deps.assertUp()
      throw error
    } finally {
      this.#silence.stop()
      for (const attempt of this.#attempts) attempt.fence('no longer wanted', false)
    }
  }

  /** Whether the caller wants to know what the request waits for. */
  get #isWatched(): boolean {
    return this.#request.watchQueue === true
  }

  /** How far the worker is with the model, for those who want to know. */
  *#loadingOf(batch: ItemBatch<InferenceItem>): Generator<Said, void, void> {
    if (this.#isWatched) yield batch
  }

  #served(end: InferenceEnd): InferenceEnd {
    const workers = this.#begun.map(({ holding }) => holding.workerKey)
    const served = { ...end, attempts: workers.length, workers }
    if (this.#request.explain !== true) return served
    return { ...served, explanations: this.#begun.flatMap(({ explanation }) => explanation ?? []) }
  }

  /** The next thing that an attempt says; null after a silence. */
  async #step(): Promise<Step | null> {
    const step = await new Promise<Step | null>((resolve) => {
      this.#silence.await(this.#boundMs(), () => resolve(null))
      for (const attempt of this.#attempts) void attempt.next().then(resolve)
    })
    if (step === null) return null
    const tookMs = this.#silence.heard()
    if (step.attempt.hasSpoken) {
      const items = step.kind === 'items' ? step.batch.items().length : 1
      step.attempt.holding.measuredItem(tookMs / Math.max(1, items))
    }
    // While the worker loads the model it is alive, and has not begun to answer.
    if (step.kind === 'items' && !step.attempt.hasSpoken) {
      const items = step.batch.items()
      if (items.every(isLoading)) {
        step.attempt.taken()
        return step
      }
      if (items.some(isLoading)) {
        step.batch = ItemBatch.of(
          itemCodec,
          items.filter((item) => !isLoading(item))
        )
      }
    }
    step.attempt.hasSpoken = true
    step.attempt.taken()
    return step
  }

  /** How long the attempts may be silent now, from what is known of their workers. */
  #boundMs(): number {
    let boundMs = SILENCE_MS_MIN
    for (const attempt of this.#attempts) {
      const expectedMs = attempt.hasSpoken
        ? attempt.holding.itemMs * ITEM_FACTOR
        : attempt.expectedMs * FIRST_ITEM_FACTOR
      boundMs = Math.max(boundMs, expectedMs)
    }
    return boundMs
  }

  /** Waits for a worker. */
  async #grant(onPosition?: QueuedRequest['onPosition']): Promise<Grant> {
    const ask = onPosition === undefined ? this.#ask : { ...this.#ask, onPosition }
    const askedAt = this.#deps.now()
    const grant = await this.#deps.dispatcher.acquire(ask, this.#context)
    this.#deps.counts.waited(this.#deps.now() - askedAt)
    return grant
  }

  /** The same, and tells the place in the queue until then. */
  async *#watchedGrant(): AsyncGenerator<Said, Grant, void> {
    const positions = new Latest<Position>()
    const granted = this.#grant((position) => positions.set(position))
    granted.then(
      () => positions.end(),
      () => positions.end()
    )
    yield* this.#tellPositions(positions, granted)
    return granted
  }

  async *#tellPositions(
    positions: Latest<Position>,
    granted: Promise<Grant>
  ): AsyncGenerator<Said, void, void> {
    let told = false
    let ahead = -1
    try {
      for await (const queued of positions) {
        if (queued.ahead === ahead) continue
        ahead = queued.ahead
        yield ItemBatch.of(itemCodec, [{ seq: this.#sent.count, tokenIds: [], text: '', queued }])
      }
      told = true
    } finally {
      // The caller has left: a worker that is granted now is given back.
      if (!told) granted.then((grant) => grant.failed(false)).catch(() => {})
    }
  }

  #open(grant: Grant): void {
    const request = this.#sent.continued({ ...this.#request, model: this.#ask.model })
    const attempt = new Attempt(grant, request, this.#context, this.#deps.counts)
    this.#begun.push(attempt)
    this.#attempts.push(attempt)
    this.#deps.onBegun(grant.holding.workerKey)
  }

  /** A second attempt beside the silent one, if some other worker is free. */
  #addRival(): void {
    const [silent] = this.#attempts
    if (silent === undefined || this.#attempts.length > 1) return
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

  /** It has spoken: any other attempt is fenced. */
  #won(winner: Attempt): void {
    if (this.#attempts.length === 1) return
    const [first, rival] = this.#attempts
    // The first one was silent for too long. A rival that came too late has done nothing wrong.
    if (first !== winner) first?.fence('another worker was faster', true)
    else rival?.fence('the first worker has spoken', false)
    this.#attempts = [winner]
  }

  async *#afterFailure({
    attempt,
    error
  }: Step & { kind: 'failed' }): AsyncGenerator<Said, void, void> {
    this.#attempts = this.#attempts.filter((other) => other !== attempt)
    const isRefusal = error.code === 'WORKER_OVERLOADED'
    if (isRefusal) {
      this.#begun.splice(this.#begun.indexOf(attempt), 1)
      this.#refusals++
    } else {
      this.#failed.add(attempt.holding)
    }
    if (this.#attempts.length > 0) return // the other one goes on
    if (!mayTryOn(error) || !this.#sent.canContinue) throw error
    const { requestId } = this.#context
    const worker = attempt.holding.workerKey
    this.#deps.log.info({ requestId, worker, code: error.code }, 'attempt failed, trying on')
    if (this.#begun.length >= ATTEMPTS_MAX || this.#refusals >= REFUSALS_MAX) throw error
    try {
      this.#open(this.#isWatched ? yield* this.#watchedGrant() : await this.#grant())
      if (!isRefusal) this.#deps.counts.failover()
    } catch (next) {
      // That nobody else can take it is a consequence; the caller shall hear the cause.
      const consequence = next instanceof HaifError && next.code === 'NO_ELIGIBLE_WORKER'
      throw consequence && !isRefusal ? error : next
    }
  }
}

/** A worker that has just unloaded the model says that it does not hold it; others may. */
const mayTryOn = (error: HaifError): boolean => error.retryable || error.code === 'MODEL_NOT_FOUND'

const isLoading = ({ queued }: InferenceItem): boolean => queued !== undefined
