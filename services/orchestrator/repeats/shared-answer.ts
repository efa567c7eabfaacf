/**
 * An answer with several readers, each from its own place on: first the items there are, then those
 * that come.
 *
 * The run belongs to no reader's connection. A client that lost its connection comes back with the
 * same key, so the run goes on for a while without a reader.
 */
import { HaifError } from '#shared/errors.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { createContext, type OwnedContext, type RequestContext } from '#shared/rpc/context.ts'
import { ItemBatch } from '#shared/rpc/items.ts'
import { beginningOf, RestOfAnswer } from './rest-of-answer.ts'

/** How long an answer is kept after its end. */
export const ANSWER_KEPT_MS = 600_000
/** How long a run goes on while nobody reads it. */
const UNREAD_MS_MAX = 30_000

export type Run = (
  request: InferenceRequest,
  context: RequestContext
) => AsyncGenerator<InferenceItem | ItemBatch<InferenceItem>, InferenceEnd, void>

interface Keeper {
  onItem(item: InferenceItem): void
  /** The answer has failed, or was kept long enough. */
  forget(): void
}

export class SharedAnswer {
  readonly #request: InferenceRequest
  readonly #context: OwnedContext
  readonly #keeper: Keeper
  readonly #items: InferenceItem[] = [] // counted by the keeper
  #end: { value: InferenceEnd } | { error: unknown } | null = null
  #readers = 0
  #timer: NodeJS.Timeout | null = null
  #news = Promise.withResolvers<void>()

  constructor(request: InferenceRequest, first: RequestContext, keeper: Keeper) {
    const { requestId, traceparent } = first
    this.#request = request
    this.#context = createContext({ requestId, traceparent, timeoutMs: first.remainingMs() })
    this.#keeper = keeper
  }

  get ended(): boolean {
    return this.#end !== null
  }

  /** Never rejects: the readers get the error. */
  async run(run: Run): Promise<void> {
    try {
      // A repeat may come without a beginning, also when the first request was a continuation.
      for (const item of beginningOf(this.#request.sent)) this.#add(item)
      const stream = run(this.#request, this.#context)
      for (;;) {
        const { done, value } = await stream.next()
        if (done === true) return this.#finish({ value })
        if (value instanceof ItemBatch) for (const item of value.items()) this.#add(item)
        else this.#add(value)
      }
    } catch (error) {
      this.#finish({ error })
      this.#keeper.forget() // a failed request may be tried again with the same key
    }
  }

  /**
   * Yields the answer without the part that the reader has already. Returns null, before the first
   * item, when that part is not the beginning of this answer.
   */
  async *read(
    { sent, handling: { watchQueue } }: InferenceRequest,
    context: RequestContext
  ): AsyncGenerator<InferenceItem, InferenceEnd | null, void> {
    this.#join()
    const rest = new RestOfAnswer(sent)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    aborted.catch(() => {}) // it matters only while something is awaited
    const stopListening = context.onAbort(() => reject(context.signal.reason as Error))
    try {
      for (let at = 0; ;) {
        const item = this.#items[at]
        if (item !== undefined) {
          at++
          // A place in the queue is of interest only while it is the latest.
          const isStale =
            item.queued !== undefined && (watchQueue !== true || this.#items.length > at)
          const news = isStale ? null : rest.of(item)
          if (news !== null) yield news
          if (rest.isOther) return null
        } else if (this.#end !== null) {
          if ('error' in this.#end) throw this.#end.error
          return rest.isReached ? this.#end.value : null
        } else {
          await Promise.race([this.#news.promise, aborted])
        }
      }
    } finally {
      stopListening()
      this.#leave()
    }
  }

  /** Ends the run, if it has not ended. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.ended) return
    this.#context.abort(new HaifError('SHUTTING_DOWN', 'this orchestrator is stopping'))
  }

  #add(item: InferenceItem): void {
    this.#items.push(item)
    this.#keeper.onItem(item)
    this.#wake()
  }

  #finish(end: { value: InferenceEnd } | { error: unknown }): void {
    this.#end = end
    this.#context[Symbol.dispose]()
    this.#wake()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#keeper.forget(), ANSWER_KEPT_MS)
    this.#timer.unref()
  }

  #wake(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }

  #join(): void {
    this.#readers++
    if (this.ended || this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
  }

  #leave(): void {
    this.#readers--
    if (this.#readers > 0 || this.ended) return
    this.#timer = setTimeout(() => {
      this.#context.abort(new HaifError('CANCELLED', 'nobody reads this answer any more'))
    }, UNREAD_MS_MAX)
  }
}
