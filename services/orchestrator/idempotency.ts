/**
 * One answer for every request with the same key: the first one runs, and whoever repeats it reads
 * what has come so far and then what comes.
 *
 * The run belongs to nobody's connection. A client that lost its connection comes back with the same
 * key, so it goes on for a while without a reader.
 */
import { HaifError } from '#shared/errors.ts'
import type { InferenceEnd, InferenceItem, InferenceRequest } from '#shared/contracts/inference.ts'
import { createContext, type OwnedContext, type RequestContext } from '#shared/rpc/context.ts'

/** How long an answer can be had again after it has ended. */
const WINDOW_MS = 600_000
/** How long a run goes on while nobody reads it. */
const UNREAD_MS_MAX = 30_000
/** Answers remembered, and items of all of them; over it the oldest that has ended is forgotten. */
const ANSWERS_MAX = 4096
const ITEMS_MAX = 1_000_000 // about 150 MB

type Run = (
  request: InferenceRequest,
  context: RequestContext
) => AsyncGenerator<InferenceItem, InferenceEnd, void>

export class IdempotentAnswers {
  readonly #answers = new Map<string, SharedAnswer>() // at most ANSWERS_MAX
  #items = 0 // at most ITEMS_MAX, and those of the running ones

  /** `key` belongs to a tenant, so that nobody reads another's answer. */
  async *stream(
    key: string,
    request: InferenceRequest,
    context: RequestContext,
    run: Run
  ): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    const fingerprint = JSON.stringify({ ...request, resume: undefined })
    let answer = this.#answers.get(key)
    if (answer === undefined) {
      this.#assertRoom()
      answer = new SharedAnswer(
        fingerprint,
        { context, run: (own) => run(request, own) },
        {
          onItem: () => this.#grown(),
          forget: () => this.#forget(key)
        }
      )
      this.#answers.set(key, answer)
    } else if (answer.fingerprint !== fingerprint) {
      throw new HaifError('CONFLICT', 'this Idempotency-Key was used with another request')
    }
    return yield* answer.read(context, request.resume?.tokenIds.length ?? 0)
  }

  stop(): void {
    for (const answer of this.#answers.values()) answer.stop()
  }

  #assertRoom(): void {
    if (this.#answers.size < ANSWERS_MAX || this.#forgetOldest()) return
    throw new HaifError('WORKER_OVERLOADED', 'too many requests with an Idempotency-Key at once', {
      retryAfterMs: 1000
    })
  }

  #grown(): void {
    this.#items++
    while (this.#items > ITEMS_MAX && this.#forgetOldest());
  }

  #forgetOldest(): boolean {
    for (const [key, answer] of this.#answers) {
      if (!answer.ended) continue
      this.#forget(key)
      return true
    }
    return false
  }

  #forget(key: string): void {
    const answer = this.#answers.get(key)
    if (answer === undefined) return
    this.#answers.delete(key)
    this.#items -= answer.size
    answer.stop()
  }
}

interface Keeper {
  onItem(): void
  forget(): void
}

class SharedAnswer {
  readonly fingerprint: string
  readonly #items: InferenceItem[] = [] // counted by the keeper
  readonly #context: OwnedContext
  readonly #keeper: Keeper
  #end: { value: InferenceEnd } | { error: unknown } | null = null
  #readers = 0
  #timer: NodeJS.Timeout | null = null
  #news = Promise.withResolvers<void>()

  constructor(
    fingerprint: string,
    start: { context: RequestContext; run: (context: RequestContext) => ReturnType<Run> },
    keeper: Keeper
  ) {
    this.fingerprint = fingerprint
    this.#keeper = keeper
    const { requestId, traceparent } = start.context
    const timeoutMs = start.context.remainingMs()
    this.#context = createContext({ requestId, traceparent, timeoutMs })
    void this.#run(start.run(this.#context))
  }

  get size(): number {
    return this.#items.length
  }

  get ended(): boolean {
    return this.#end !== null
  }

  /** From the token with this number on; a reader that resumes has those before it already. */
  async *read(
    context: RequestContext,
    fromSeq: number
  ): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    this.#join()
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    aborted.catch(() => {}) // it matters only while something is awaited
    const onAbort = () => reject(context.signal.reason as Error)
    context.signal.addEventListener('abort', onAbort, { once: true })
    try {
      for (let at = 0; ;) {
        const item = this.#items[at]
        if (item !== undefined) {
          at++
          if (item.seq >= fromSeq) yield item
        } else if (this.#end !== null) {
          if ('error' in this.#end) throw this.#end.error
          return this.#end.value
        } else {
          await Promise.race([this.#news.promise, aborted])
        }
      }
    } finally {
      context.signal.removeEventListener('abort', onAbort)
      this.#leave()
    }
  }

  /** Ends the run, if it has not ended. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (!this.ended)
      this.#context.abort(new HaifError('SHUTTING_DOWN', 'this orchestrator is stopping'))
  }

  async #run(items: AsyncGenerator<InferenceItem, InferenceEnd, void>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await items.next()
        if (done === true) {
          this.#finish({ value })
          return
        }
        this.#items.push(value)
        this.#keeper.onItem()
        this.#tell()
      }
    } catch (error) {
      this.#finish({ error })
      this.#keeper.forget() // a failed request may be tried again with the same key
    }
  }

  #finish(end: { value: InferenceEnd } | { error: unknown }): void {
    this.#end = end
    this.#context[Symbol.dispose]()
    this.#tell()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#keeper.forget(), WINDOW_MS)
    this.#timer.unref()
  }

  #tell(): void {
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
