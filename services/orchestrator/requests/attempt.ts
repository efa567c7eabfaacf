/** One try of a request on one worker. Fenced, it is told to stop and nothing of it counts any more. */
import { HaifError, toHaifError, type ErrorCode } from '#shared/errors.ts'
import type { Explanation } from '#shared/contracts/inference/explanation.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { workerInfer } from '#shared/contracts/inference/methods.ts'
import { SpanKind, type Span } from '@opentelemetry/api'
import { childContext, type OwnedContext, type RequestContext } from '#shared/rpc/context.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import { endFailed, startSpan, traceparentOf } from '#shared/telemetry/spans.ts'
import type { Grant } from '../placement/dispatcher.ts'
import type { Holding } from '../workers/holding.ts'
import type { AttemptCounts } from '../orchestrator-metrics.ts'

export type Step =
  | { kind: 'items'; attempt: Attempt; batch: ItemBatch<InferenceItem> }
  | { kind: 'end'; attempt: Attempt; end: InferenceEnd }
  | { kind: 'failed'; attempt: Attempt; error: HaifError }

/** The worker is not to blame, and its breaker does not count them. */
const NO_FAULT: ReadonlySet<ErrorCode> = new Set([
  'WORKER_OVERLOADED',
  'STREAM_LIMIT',
  'MODEL_LOAD_FAILED', // the worker reports it as failed, which keeps requests away
  'SHUTTING_DOWN',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'VALIDATION_FAILED',
  'UNSUPPORTED_PARAMETER',
  'CONTEXT_TOO_LONG'
])

export class Attempt {
  /** Whether it has begun to answer, or failed; to say how far the model is loaded does not count. */
  hasSpoken = false
  readonly #grant: Grant
  readonly #context: OwnedContext
  readonly #counts: AttemptCounts
  readonly #span: Span
  readonly #stream: AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>
  #next: Promise<Step> | null = null
  #settled = false

  constructor(
    grant: Grant,
    request: InferenceRequest,
    context: RequestContext,
    counts: AttemptCounts
  ) {
    this.#grant = grant
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

  /** How long its first token may be expected to take. */
  get expectedMs(): number {
    return this.#grant.score.expectedMs
  }

  /** What it says next; the same promise until `taken`. */
  next(): Promise<Step> {
    this.#next ??= this.#advance()
    return this.#next
  }

  taken(): void {
    this.#next = null
  }

  /** Another attempt goes on in its place, or nobody wants the answer any more. */
  fence(reason: string, fault: boolean): void {
    if (this.#settled) return
    const fenced = new HaifError('CANCELLED', reason)
    this.#settle('fenced', () => this.#grant.failed(fault))
    endFailed(this.#span, fenced)
    this.#context.abort(fenced)
    void this.next() // reads the abort, which tells the worker
  }

  async #advance(): Promise<Step> {
    try {
      const result = await this.#stream.next()
      if (result.done !== true) {
        result.value.items() // here, once for the whole path, it is seen whether they are items at all
        return { kind: 'items', attempt: this, batch: result.value }
      }
      this.#settle('succeeded', () => {
        this.#grant.succeeded()
        this.#span.end()
      })
      return { kind: 'end', attempt: this, end: result.value }
    } catch (error) {
      const failure = toHaifError(error)
      if (failure.code === 'WORKER_OVERLOADED') this.holding.refused()
      this.#settle(failure.code, () => {
        this.#grant.failed(!NO_FAULT.has(failure.code))
        endFailed(this.#span, failure)
      })
      void this.#stream.return(undefined as never) // the worker may go on sending what is no item
      return { kind: 'failed', attempt: this, error: asWorkerError(failure) }
    }
  }

  #settle(outcome: string, how: () => void): void {
    if (this.#settled) return
    this.#settled = true
    this.#counts.ended(outcome)
    this.#context[Symbol.dispose]()
    how()
  }
}

/** To the caller a worker that stops or whose connection breaks is lost; it is not the orchestrator that is. */
function asWorkerError(failure: HaifError): HaifError {
  if (failure.code !== 'PEER_LOST' && failure.code !== 'SHUTTING_DOWN') return failure
  return new HaifError('WORKER_LOST', 'the worker went away while it served the request', {
    cause: failure
  })
}
