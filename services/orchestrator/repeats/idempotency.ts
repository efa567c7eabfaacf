/**
 * Gives every request of a tenant with the same key one answer: the first request runs, and those
 * that repeat it read its answer. See SPEC.md.
 */
import { hash } from 'node:crypto'
import { HaifError } from '#shared/errors.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { forward } from '#shared/kit/forward.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { itemByItem } from '#shared/rpc/items.ts'
import type {
  IdempotencyKey,
  Reservation,
  ReservationRequest,
  Reservations
} from './reservations.ts'
import { SharedAnswer, type Run } from './shared-answer.ts'

/** Answers kept, and their bytes together; beyond that the oldest that has ended is forgotten. */
const ANSWERS_MAX = 4096
const BYTES_MAX = 200_000_000
/** Estimates of what an item, and a logprob in it, take in memory beside their text. */
const ITEM_BYTES = 150
const LOGPROB_BYTES = 100

interface Kept {
  answer: SharedAnswer
  fingerprint: string
  /** The one of the request that began the answer. */
  usageId: string | undefined
  bytes: number
}

export class IdempotentAnswers {
  readonly #reservations: Pick<Reservations, 'take'> | null
  readonly #kept = new Map<string, Kept>() // at most ANSWERS_MAX
  #bytes = 0 // at most BYTES_MAX, and those of the running ones

  /** Without reservations a repeat is known only to this process, until it ends. */
  constructor(reservations: Pick<Reservations, 'take'> | null = null) {
    this.#reservations = reservations
  }

  async *stream(
    { tenant, idempotencyKey }: IdempotencyKey,
    request: InferenceRequest,
    context: RequestContext,
    run: Run
  ): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    // What was told of a prompt does not come with a continuation, so nobody else can have it.
    if (request.sent?.promptTokens !== undefined) return yield* itemByItem(run(request, context))
    const key = JSON.stringify([tenant, idempotencyKey])
    const fingerprint = fingerprintOf(request)
    const reserved = this.#reserved({ tenant, idempotencyKey, fingerprint }, run)
    const kept = this.#kept.get(key) ?? this.#begin(key, fingerprint, request, context, reserved)
    if (kept.fingerprint !== fingerprint) {
      throw new HaifError('CONFLICT', 'this Idempotency-Key was used with another request')
    }
    const end = yield* kept.answer.read(request, context)
    // The caller has the beginning of an answer that another orchestrator gave: that one goes on.
    if (end === null) return yield* itemByItem(run(request, context))
    // The same usageId is the same request on another way, which is not charged yet.
    return kept.usageId === request.charge.usageId ? end : { ...end, repeated: true }
  }

  /**
   * A run that waits until no other orchestrator holds the key, and ends when one takes it over.
   */
  #reserved(ask: Omit<ReservationRequest, 'isContinued'>, run: Run): Run {
    const reservations = this.#reservations
    if (reservations === null) return run
    return async function* (request, context) {
      const isContinued = request.sent !== undefined
      const reservation = await reservations.take({ ...ask, isContinued }, context)
      if (reservation === null) return yield* run(request, context)
      try {
        const end = yield* forward(run(request, context), (batch) => {
          assertOurs(reservation)
          return batch
        })
        assertOurs(reservation)
        reservation.answered()
        return end
      } finally {
        reservation.failed() // nothing, when it was answered
      }
    }
  }

  stop(): void {
    for (const { answer } of this.#kept.values()) answer.stop()
  }

  #begin(
    key: string,
    fingerprint: string,
    request: InferenceRequest,
    context: RequestContext,
    run: Run
  ): Kept {
    this.#assertRoom()
    const answer = new SharedAnswer(request, context, {
      onItem: (item) => this.#grown(kept, bytesOf(item)),
      forget: () => this.#forget(key)
    })
    const kept: Kept = { answer, fingerprint, usageId: request.charge.usageId, bytes: 0 }
    this.#kept.set(key, kept)
    void answer.run(run)
    return kept
  }

  #assertRoom(): void {
    if (this.#kept.size < ANSWERS_MAX || this.#forgetOldest()) return
    throw new HaifError('WORKER_OVERLOADED', 'too many requests with an Idempotency-Key at once', {
      retryAfterMs: 1000
    })
  }

  #grown(kept: Kept, bytes: number): void {
    kept.bytes += bytes
    this.#bytes += bytes
    while (this.#bytes > BYTES_MAX && this.#forgetOldest());
  }

  #forgetOldest(): boolean {
    for (const [key, { answer }] of this.#kept) {
      if (!answer.ended) continue
      this.#forget(key)
      return true
    }
    return false
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key)
    if (kept === undefined) return
    this.#kept.delete(key)
    this.#bytes -= kept.bytes
    kept.answer.stop()
  }
}

function assertOurs({ isFenced }: Reservation): void {
  if (isFenced) throw new HaifError('CANCELLED', 'another orchestrator has taken this request over')
}

/** Two requests are the same when the same is asked, however it is handled and whoever pays. */
const fingerprintOf = ({ asked }: InferenceRequest): string => hash('sha256', JSON.stringify(asked))

function bytesOf({ tokenIds, text, logprobs = [], prompt = [] }: InferenceItem): number {
  const bytes = ITEM_BYTES + text.length + 8 * tokenIds.length
  const all = [...logprobs, ...prompt]
  return all.reduce((sum, { top }) => sum + LOGPROB_BYTES * (1 + top.length), bytes)
}
