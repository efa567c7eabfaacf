/**
 * Writes an answer as Anthropic's stream: a message begins, its blocks begin, grow and stop one
 * after the other, and the message ends with the reason and the usage.
 * https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
import type { MessageEvent, ReplyBlock } from '#shared/contracts/http/anthropic.ts'
import type {
  InferenceEnd,
  InferenceItem,
  ToolCallDelta
} from '#shared/contracts/inference/answer.ts'
import type { AnswerPart } from '../ask/answer-parts.ts'
import type { EventForm } from '../ask/send-answer.ts'
import type { FailedRequest } from '../http/errors.ts'
import type { SseWriter } from '../http/stream/sse-writer.ts'
import { anthropicErrorBody } from './error.ts'
import { NO_USAGE, SIGNATURE, stopOf, usageOf } from './reply.ts'
import type { Thoughts } from './request.ts'

interface EventOptions {
  id: string
  /** The client's name for the model. */
  model: string
  thoughts: Thoughts
  stopSequences: readonly string[]
}

/** The block that is growing: its type, or the index of its tool call in the answer. */
type Open = 'text' | 'thinking' | number

export class MessageEvents implements EventForm {
  readonly #options: EventOptions
  #begun = false
  #open: Open | null = null
  #blocks = 0
  #end: InferenceEnd | null = null

  constructor(options: EventOptions) {
    this.#options = options
  }

  part(part: AnswerPart, events: SseWriter): void {
    if (part.kind === 'item' && part.item.queued !== undefined) return
    this.#begin(events)
    if (part.kind === 'item') this.#item(part.item, events)
    else this.#end = part.end
  }

  /** The usage comes here as a whole: at the beginning nobody knows it yet. */
  end(events: SseWriter): void {
    this.#close(events)
    const end = this.#end!
    const delta = stopOf(end, this.#options.stopSequences)
    send(events, { type: 'message_delta', delta, usage: usageOf(end) })
    send(events, { type: 'message_stop' })
  }

  keepAlive(events: SseWriter): void {
    if (this.#begun) send(events, { type: 'ping' })
    else this.#begin(events)
  }

  failure({ error, requestId }: FailedRequest, events: SseWriter): void {
    send(events, anthropicErrorBody(error, requestId))
  }

  #begin(events: SseWriter): void {
    if (this.#begun) return
    this.#begun = true
    const { id, model } = this.#options
    send(events, {
      type: 'message_start',
      message: {
        id,
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: NO_USAGE
      }
    })
    send(events, { type: 'ping' })
  }

  #item({ text, reasoning = '', toolCalls = [] }: InferenceItem, events: SseWriter): void {
    const { thoughts } = this.#options
    if (reasoning !== '' && thoughts !== 'none') {
      this.#show('thinking', { type: 'thinking', thinking: '', signature: '' }, events)
      if (thoughts === 'shown') this.#grow({ type: 'thinking_delta', thinking: reasoning }, events)
    }
    if (text !== '') {
      this.#show('text', { type: 'text', text: '', citations: null }, events)
      this.#grow({ type: 'text_delta', text }, events)
    }
    for (const delta of toolCalls) this.#call(delta, events)
  }

  #call({ index, id = '', name = '', arguments: text = '' }: ToolCallDelta, events: SseWriter) {
    this.#show(index, { type: 'tool_use', id, name, input: {} }, events)
    if (text !== '') this.#grow({ type: 'input_json_delta', partial_json: text }, events)
  }

  /** Lets this block be the one that grows. */
  #show(open: Open, block: ReplyBlock, events: SseWriter): void {
    if (this.#open === open) return
    this.#close(events)
    this.#open = open
    send(events, { type: 'content_block_start', index: this.#blocks, content_block: block })
  }

  #grow(delta: Delta, events: SseWriter): void {
    send(events, { type: 'content_block_delta', index: this.#blocks, delta })
  }

  #close(events: SseWriter): void {
    if (this.#open === null) return
    if (this.#open === 'thinking') {
      this.#grow({ type: 'signature_delta', signature: SIGNATURE }, events)
    }
    this.#open = null
    send(events, { type: 'content_block_stop', index: this.#blocks++ })
  }
}

type Delta = Extract<MessageEvent, { type: 'content_block_delta' }>['delta']

const send = (events: SseWriter, event: MessageEvent): void => events.event(event.type, event)
