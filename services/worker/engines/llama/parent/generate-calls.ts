/**
 * The worker's side of answers: the requests that wait for tokens of the child process. A request
 * that comes while the process is restarted waits for it, but not for long; a request whose process
 * dies fails with it, and its caller may resume from the tokens it has.
 */
import { addAbortListener } from 'node:events'
import { HaifError } from '#shared/errors.ts'
import type { GenerateEnd, GenerateItem, GenerateRequest } from '../../engine.ts'
import { overloaded } from '../../errors.ts'
import { AnswerStream } from './answer-stream.ts'
import { fromFailure, type StepMessage } from '../messages.ts'
import { RESTART_RETRY_MS } from './restart-delay.ts'
import type { Supervisor } from './supervisor.ts'

interface GenerateCallsDeps {
  process: Pick<Supervisor, 'up' | 'hung' | 'send' | 'retryAfterMs' | 'downBecause'>
  nextId: () => number
  /** Requests that may wait for a slot; more are refused with WORKER_OVERLOADED. */
  waitingMax?: number
  /** How long a request waits for a process that is being restarted. */
  restartWaitMs?: number
}

/** Another worker may answer, or this one when its process has been replaced. */
export const hangs = (how: string): HaifError =>
  new HaifError('ENGINE_FAILED', `the process that runs the model hangs (${how})`, {
    retryAfterMs: RESTART_RETRY_MS
  })

const WAITING_MAX = 256
const RESTART_WAIT_MS = 10_000

export class GenerateCalls {
  readonly #deps: GenerateCallsDeps
  readonly #waitingMax: number
  readonly #answers = new Map<number, AnswerStream>() // at most the slots and #waitingMax
  readonly #restartTimers = new Map<number, NodeJS.Timeout>() // for some of them
  #slots = 0
  #refusal: HaifError | null = null

  constructor(deps: GenerateCallsDeps) {
    this.#deps = deps
    this.#waitingMax = deps.waitingMax ?? WAITING_MAX
  }

  /** The slots of the child process; 0 before it was first up. */
  get slots(): number {
    return this.#slots
  }

  /** Requests that run or wait for a slot. */
  get size(): number {
    return this.#answers.size
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd> {
    signal.throwIfAborted()
    const answer = this.#admit(request)
    using listening = addAbortListener(signal, () => {
      answer.fail(signal.reason)
      this.#forget(answer)
    })
    try {
      for (;;) {
        const item = await answer.take()
        if (item === null) return answer.result
        yield item
      }
    } finally {
      this.#forget(answer)
    }
  }

  /** Sends every request that has waited for the process to come up. */
  sendAll(slots: number): void {
    this.#slots = slots
    for (const answer of this.#answers.values()) {
      this.#stopWaiting(answer)
      this.#send(answer)
    }
  }

  settle({ parts, ends, failures }: StepMessage): void {
    for (const [id, tokenIds, text, more] of parts) {
      this.#answers.get(id)?.push(tokenIds, text, more)
    }
    for (const [id, end] of ends) {
      const answer = this.#answers.get(id)
      this.#answers.delete(id)
      answer?.end(end)
    }
    for (const [id, failure] of failures) {
      const answer = this.#answers.get(id)
      if (answer !== undefined) this.#fail(answer, fromFailure(failure))
    }
  }

  /** The process need not go on with any of them, should it still be there. */
  failAll(error: HaifError): void {
    for (const answer of this.#answers.values()) {
      this.#fail(answer, error)
      this.#deps.process.send({ kind: 'cancel', id: answer.id })
    }
  }

  /** Fails all requests, and with the same error every later one. */
  close(error: HaifError): void {
    this.#refusal = error
    this.failAll(error)
  }

  #admit(request: GenerateRequest): AnswerStream {
    if (this.#refusal !== null) throw this.#refusal
    if (this.#slots === 0) throw new HaifError('ENGINE_FAILED', 'the model is not loaded')
    if (this.#answers.size >= this.#slots + this.#waitingMax) {
      throw overloaded(this.#slots, this.#waitingMax)
    }
    const { process, nextId } = this.#deps
    if (process.hung !== null) throw hangs(process.hung)
    const id = nextId()
    const answer = new AnswerStream(id, request, (tokens) => {
      process.send({ kind: 'credit', id, tokens })
    })
    this.#answers.set(id, answer)
    if (process.up) this.#send(answer)
    else this.#waitForRestart(answer)
    return answer
  }

  #send({ id, request }: AnswerStream): void {
    this.#deps.process.send({ kind: 'generate', id, request })
  }

  #waitForRestart(answer: AnswerStream): void {
    const { process, restartWaitMs = RESTART_WAIT_MS } = this.#deps
    const timer = setTimeout(() => {
      this.#fail(
        answer,
        new HaifError(
          'ENGINE_FAILED',
          `the process that runs the model is being started again (${process.downBecause})`,
          { retryAfterMs: Math.max(process.retryAfterMs, RESTART_RETRY_MS) }
        )
      )
    }, restartWaitMs)
    this.#restartTimers.set(answer.id, timer)
  }

  #fail(answer: AnswerStream, error: HaifError): void {
    this.#answers.delete(answer.id)
    this.#stopWaiting(answer)
    answer.fail(error)
  }

  /** The reader is gone; an answer that is not over has to be cancelled in the process. */
  #forget(answer: AnswerStream): void {
    this.#stopWaiting(answer)
    if (this.#answers.delete(answer.id)) this.#deps.process.send({ kind: 'cancel', id: answer.id })
  }

  #stopWaiting({ id }: AnswerStream): void {
    clearTimeout(this.#restartTimers.get(id))
    this.#restartTimers.delete(id)
  }
}
