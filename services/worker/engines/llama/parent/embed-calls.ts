/** The worker's side of embeddings and counts: calls that wait for the child process. */
import { addAbortListener } from 'node:events'
import { decodeVector } from '#shared/contracts/inference/vectors.ts'
import { HaifError } from '#shared/errors.ts'
import type { EmbedInput, Embeddings, GenerateRequest } from '../../engine.ts'
import { fromFailure, type EmbedMessage, type ParentMessage } from '../messages.ts'

/** Calls that may wait; the child process computes one after the other. */
const CALLS_MAX = 64
const RETRY_MS = 1000

type Calling = Extract<ParentMessage, { kind: 'embed' | 'count' }>

export class EmbedCalls {
  readonly #send: (message: ParentMessage) => void
  readonly #waiting = new Map<number, PromiseWithResolvers<Embeddings>>() // at most CALLS_MAX

  constructor(send: (message: ParentMessage) => void) {
    this.#send = send
  }

  /** `id` must be unique among all requests to the child process. */
  embed(id: number, inputs: readonly EmbedInput[], signal: AbortSignal): Promise<Embeddings> {
    return this.#call({ kind: 'embed', id, inputs }, signal)
  }

  async count(id: number, request: GenerateRequest, signal: AbortSignal): Promise<number> {
    const { promptTokens } = await this.#call({ kind: 'count', id, request }, signal)
    return promptTokens
  }

  async #call(message: Calling, signal: AbortSignal): Promise<Embeddings> {
    const { id } = message
    signal.throwIfAborted()
    if (this.#waiting.size >= CALLS_MAX) {
      throw new HaifError('WORKER_OVERLOADED', `${CALLS_MAX} calls wait for the model already`, {
        retryAfterMs: RETRY_MS
      })
    }
    const call = Promise.withResolvers<Embeddings>()
    this.#waiting.set(id, call)
    this.#send(message)
    using listening = addAbortListener(signal, () => {
      this.#send({ kind: 'cancel', id })
      call.reject(signal.reason)
    })
    try {
      return await call.promise
    } finally {
      this.#waiting.delete(id)
    }
  }

  settle(message: EmbedMessage): void {
    const call = this.#waiting.get(message.id)
    if (message.kind === 'embedFailed') return call?.reject(fromFailure(message.failure))
    const { vectors, promptTokens } = message
    call?.resolve({ vectors: vectors.map(decodeVector), promptTokens })
  }

  failAll(error: HaifError): void {
    for (const call of this.#waiting.values()) call.reject(error)
  }
}
