/**
 * Answers that are being written. Tokens gather in a buffer and are shown once per frame of the
 * browser: a fast model makes more tokens than a screen has frames.
 */
import { signal, type Signal } from '@preact/signals'
import type { NativeInferBody } from '#shared/contracts/http/infer.ts'
import { MeshError, ofFirstMessage, type Failure } from '../../../ui/mesh/failure.ts'
import { infer, type InferEvent } from '../mesh/infer.ts'
import { announce } from '../../../ui/notices.ts'
import { update } from './conversations.ts'
import { change, type AnswerFacts, type AnswerMessage } from './tree.ts'

export interface Writing {
  text: string
  reasoning: string
  startedAt: number
  /** Null until the first token. */
  firstTokenMs: number | null
  tokens: number
  /** While it waits for a worker. */
  queue: { ahead: number; waitMs: number } | null
}

/** How often what has come is kept, in case the page is closed. */
const KEEP_MS = 1000

/** By the id of the answer; bounded by what a person starts. */
const running = new Map<string, Answering>()

export const isWriting = (id: string): boolean => running.has(id)
export const writingOf = (id: string): Signal<Writing> | undefined => running.get(id)?.shown
export const stop = (id: string): void => running.get(id)?.stop()

/** Resolves when it has ended: with what went wrong, or null. */
export async function answer(
  conversationId: string,
  id: string,
  body: NativeInferBody,
  begun = NOTHING
): Promise<Failure | null> {
  const answering = new Answering(conversationId, id, begun)
  running.set(id, answering)
  try {
    return await answering.run(body)
  } finally {
    running.delete(id)
  }
}

/** The part of an answer that is continued. */
interface Begun {
  text: string
  reasoning: string
}
const NOTHING: Begun = { text: '', reasoning: '' }

class Answering {
  readonly shown: Signal<Writing>
  readonly #conversationId: string
  readonly #id: string
  readonly #controller = new AbortController()
  #writing: Writing
  #lastTokenMs = 0
  #frame: number | null = null
  #keptAt = performance.now()

  constructor(conversationId: string, id: string, { text, reasoning }: Begun) {
    this.#conversationId = conversationId
    this.#id = id
    this.#writing = {
      text,
      reasoning,
      startedAt: performance.now(),
      firstTokenMs: null,
      tokens: 0,
      queue: null
    }
    this.shown = signal(this.#writing)
  }

  stop(): void {
    this.#controller.abort()
  }

  async run(body: NativeInferBody): Promise<Failure | null> {
    announce('The answer is being written.')
    try {
      for await (const event of infer(body, this.#controller.signal)) this.#take(event)
      return null
    } catch (error) {
      if (this.#controller.signal.aborted) {
        this.#end({ state: 'stopped' })
        return null
      }
      const failure = isFirst(body) ? ofFirstMessage(failureOf(error)) : failureOf(error)
      this.#end({ state: 'failed', failure })
      return failure
    }
  }

  #take(event: InferEvent): void {
    const elapsedMs = performance.now() - this.#writing.startedAt
    switch (event.kind) {
      case 'queued':
        this.#show({ queue: { ahead: event.ahead, waitMs: event.wait_ms } })
        break
      case 'token': {
        const { text, reasoning, firstTokenMs } = this.#writing
        this.#lastTokenMs = elapsedMs
        this.#show({
          queue: null,
          text: text + event.text,
          reasoning: reasoning + (event.reasoning ?? ''),
          firstTokenMs: firstTokenMs ?? elapsedMs,
          tokens: event.index + 1
        })
        break
      }
      case 'done':
        this.#end({ state: 'done', facts: this.#facts(event) })
    }
  }

  #show(changed: Partial<Writing>): void {
    this.#writing = { ...this.#writing, ...changed }
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null
      this.shown.value = this.#writing
    })
    const now = performance.now()
    if (now - this.#keptAt < KEEP_MS) return
    this.#keptAt = now
    this.#change({})
  }

  #end(ended: Partial<AnswerMessage>): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame)
    running.delete(this.#id)
    this.#change(ended)
    announce(spoken(ended, this.#writing.text))
  }

  #change(changed: Partial<AnswerMessage>): void {
    const { text, reasoning } = this.#writing
    update(this.#conversationId, (each) => change(each, this.#id, { text, reasoning, ...changed }))
  }

  #facts(done: Extract<InferEvent, { kind: 'done' }>): AnswerFacts {
    const tokens = done.usage.completion_tokens
    const firstTokenMs = this.#writing.firstTokenMs ?? 0
    // An answer that came at once was not made at once: the worker knows how long it took.
    const decodeMs = Math.max(this.#lastTokenMs - firstTokenMs, done.timings.decode_ms)
    const seconds = decodeMs / 1000
    const facts: AnswerFacts = {
      model: done.model,
      attempts: done.attempts,
      firstTokenMs,
      tokens,
      finishReason: done.finish_reason,
      queueMs: done.timings.queue_ms
    }
    if (done.worker !== undefined) facts.worker = done.worker
    if (done.finish_reason === 'length' && tokens < done.max_tokens) facts.contextFull = true
    // The first token is there when the clock starts.
    if (tokens > 1 && seconds > 0) facts.tokensPerSecond = (tokens - 1) / seconds
    return facts
  }
}

const isFirst = ({ messages = [] }: NativeInferBody): boolean =>
  messages.filter(({ role }) => role === 'user').length === 1

function failureOf(error: unknown): Failure {
  if (error instanceof MeshError) return error.failure
  return {
    code: 'INTERNAL',
    message: 'This page could not read the answer. Reload it and retry.',
    remedy: 'retry'
  }
}

function spoken({ state, failure }: Partial<AnswerMessage>, text: string): string {
  if (failure !== undefined) return failure.message
  return state === 'stopped' ? 'The answer is stopped.' : `The answer: ${text}`
}
