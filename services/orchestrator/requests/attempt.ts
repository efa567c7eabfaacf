/**
 * One try of a request on one worker. A fenced attempt is told to stop, and nothing of it counts
 * any more. See SPEC.md.
 */
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { Explanation } from '#shared/contracts/inference/explanation.ts'
import type { AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import type { AttemptRequest } from '#shared/contracts/inference/request.ts'
import { workerInfer } from '#shared/contracts/inference/methods.ts'
import { SpanKind, type Span } from '@opentelemetry/api'
import { close } from '#shared/kit/forward.ts'
import { causeOf } from '#shared/kit/reason-of.ts'
import { plainText } from '#shared/contracts/plain-text.ts'
import { childContext, type OwnedContext, type RequestContext } from '#shared/rpc/context.ts'
import { ItemBatch } from '#shared/rpc/items.ts'
import { endFailed, startSpan, traceparentOf } from '#shared/telemetry/spans.ts'
import type { AttemptCounts } from '../orchestrator-metrics.ts'
import type { Grant } from '../placement/grant.ts'
import type { Holding } from '../workers/holding.ts'
import { AnswerBound } from '#shared/inference/answer-bound.ts'
import { checkedUsage } from '#shared/inference/checked-usage.ts'
import { asWorkerError, faultOf } from './worker-error.ts'
import type { Fault } from '../workers/reputation.ts'

/** How much longer than expected a worker may be silent before it gets a rival. */
const FIRST_ITEM_FACTOR = 4
const ITEM_FACTOR = 20
/** Characters of a sentence in what is told of an attempt. */
const TOLD_MAX = 512

/** `loading`: the worker is alive and loads the model; it has not begun to answer. */
export type Step =
  | { kind: 'loading' | 'items'; attempt: Attempt; batch: ItemBatch<InferenceItem> }
  | { kind: 'end'; attempt: Attempt; end: InferenceEnd }
  | { kind: 'failed'; attempt: Attempt; error: HaifError }

export class Attempt {
  readonly #grant: Grant
  readonly #request: AttemptRequest & { asked: { model: string } }
  readonly #bound: AnswerBound
  readonly #now: () => number
  readonly #startedAt: number
  readonly #context: OwnedContext
  readonly #counts: AttemptCounts
  readonly #span: Span
  readonly #stream: AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>
  #next: Promise<Step> | null = null
  /** It has begun to answer, or has ended. */
  #hasSpoken = false
  #hasEnded = false
  #firstAt: number | null = null
  #endedAt: number | null = null
  #outcome: AttemptTold['outcome'] = 'answered'
  #failure: HaifError | null = null

  constructor(
    grant: Grant,
    request: AttemptRequest & { asked: { model: string } },
    context: RequestContext,
    { counts, now }: { counts: AttemptCounts; now: () => number }
  ) {
    this.#grant = grant
    this.#request = request
    this.#bound = new AnswerBound(request.asked, request.sent)
    this.#now = now
    this.#startedAt = now()
    this.#counts = counts
    this.#span = startSpan('attempt', context.traceparent, {
      kind: SpanKind.CLIENT,
      attributes: { 'haif.worker': grant.holding.workerKey }
    })
    this.#context = childContext(context, traceparentOf(this.#span))
    this.#stream = grant.holding.link.batches(workerInfer, request, this.#context)
  }

  get holding(): Holding {
    return this.#grant.holding
  }

  get explanation(): Explanation | undefined {
    return this.#grant.explanation
  }

  /** How long it may be silent now, from what is known of its worker. */
  get silenceMsMax(): number {
    return this.#hasSpoken
      ? this.holding.itemMs * ITEM_FACTOR
      : this.#grant.score.expectedMs * FIRST_ITEM_FACTOR
  }

  /** `since`: when its request came, by the clock of the attempt. */
  told(since: number): AttemptTold {
    const told: AttemptTold = {
      worker: this.holding.workerKey,
      reason: plainText(this.#grant.reason(), TOLD_MAX),
      startedMs: this.#startedAt - since,
      endedMs: (this.#endedAt ?? this.#now()) - since,
      outcome: this.#hasEnded ? this.#outcome : 'fenced'
    }
    if (this.#firstAt !== null) told.firstItemMs = this.#firstAt - since
    const failure = this.#failure
    if (failure === null) return told
    const { code } = failure
    const message = plainText(failure.message, TOLD_MAX)
    const cause = plainText(causeOf(failure), TOLD_MAX)
    return { ...told, code, message, ...(cause === message ? {} : { cause }) }
  }

  /** The next step; the same promise until that step was `taken`. */
  next(): Promise<Step> {
    this.#next ??= this.#advance()
    return this.#next
  }

  /** The step counts, after a wait of so long. */
  taken(step: Step, tookMs: number): void {
    this.#next = null
    if (this.#hasSpoken) {
      const items = step.kind === 'items' ? step.batch.items().length : 1
      this.holding.measuredItem(tookMs / Math.max(1, items))
    } else {
      this.#hasSpoken = step.kind !== 'loading'
    }
  }

  /** Another attempt goes on in its place, or nobody wants the answer any more. */
  fence(reason: string, fault: Fault | null): void {
    if (this.#hasEnded) return
    const fenced = new HaifError('CANCELLED', reason)
    this.#outcome = 'fenced'
    this.#end('fenced')
    this.#grant.failed(fault)
    endFailed(this.#span, fenced)
    this.#context.abort(fenced)
    void this.next() // reads the abort, which tells the worker
  }

  async #advance(): Promise<Step> {
    try {
      const { done, value } = await this.#stream.next()
      if (done !== true) return this.#read(value)
      return { kind: 'end', attempt: this, end: this.#endOf(value) }
    } catch (error) {
      const failure = toHaifError(error)
      if (!this.#hasEnded) this.#failed(failure)
      void close(this.#stream) // the worker may go on sending what is no item
      return { kind: 'failed', attempt: this, error: asWorkerError(failure) }
    }
  }

  /** Here, once for the whole path, a batch is checked to be items at all. */
  #read(batch: ItemBatch<InferenceItem>): Step {
    const items = batch.items()
    this.#bound.add(items, this.#now() - this.#startedAt)
    if (!this.#hasSpoken) assertFile(this.holding.pin, items)
    if (this.#hasSpoken) return { kind: 'items', attempt: this, batch }
    if (items.every(isLoading)) return { kind: 'loading', attempt: this, batch }
    this.#firstAt = this.#now()
    if (!items.some(isLoading)) return { kind: 'items', attempt: this, batch }
    const answer = items.filter((item) => !isLoading(item))
    return { kind: 'items', attempt: this, batch: ItemBatch.of(itemCodec, answer) }
  }

  /**
   * Only what a worker can say of its answer is taken from its end. A worker that counts what
   * cannot be is not believed, but its answer, which has passed already, is.
   */
  #endOf(said: InferenceEnd): InferenceEnd {
    const { finishReason, stopText, usage, timings, provider, sampling, receipt } = said
    const { asked } = this.#request
    const checked = checkedUsage(usage, asked, this.#bound)
    if (!this.#hasEnded) this.#answered(checked.lie)
    const end = { finishReason, usage: checked.usage, timings, model: asked.model, provider }
    return {
      ...end,
      // A worker may name none but those that it was given.
      ...(stopText !== undefined && asked.stop?.includes(stopText) === true ? { stopText } : {}),
      ...(sampling === undefined ? {} : { sampling }),
      ...(receipt === undefined ? {} : { receipt })
    }
  }

  #answered(lie: string | null): void {
    this.#end(lie === null ? 'succeeded' : 'WORKER_FAULTY')
    if (lie === null) this.#grant.succeeded()
    else this.#grant.failed('lied')
    this.#span.end()
  }

  #failed(failure: HaifError): void {
    this.#outcome = failure.code === 'WORKER_OVERLOADED' ? 'refused' : 'failed'
    this.#failure = failure
    this.#end(failure.code)
    if (failure.code === 'WORKER_OVERLOADED') this.#grant.refused()
    else this.#grant.failed(faultOf(failure))
    endFailed(this.#span, failure)
  }

  #end(outcome: string): void {
    this.#hasEnded = true
    this.#endedAt = this.#now()
    this.#counts.ended(outcome)
    this.#context[Symbol.dispose]()
  }
}

/** The first item of an answer names the file. */
function assertFile(pin: string | undefined, items: readonly InferenceItem[]): void {
  const first = items.find((item) => !isLoading(item))
  if (pin === undefined || first === undefined || first.digest?.startsWith(pin) === true) return
  throw new HaifError(
    'WORKER_FAULTY',
    'the worker answers with another file than MODEL_DIGESTS says'
  )
}

const isLoading = ({ queued }: InferenceItem): boolean => queued !== undefined
