/**
 * Puts the output items of a response together and emits each step as an event. A reply that is not
 * streamed is made by the same steps, and nobody listens to the events.
 *
 * Order: https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { OutputItem, OutputText, ReasoningText } from '#shared/contracts/http/responses.ts'
import type { InferenceItem, ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import { toOutputLogprob } from '../logprobs.ts'
import { reasoningTokensIn } from '../../ask/gathered-answer.ts'

/** An event without its `sequence_number`. */
type Emit = (type: string, fields: object) => void
type FinalStatus = 'completed' | 'incomplete'

interface ResponseOutputDeps {
  emit: Emit
  newId: (prefix: string) => string
  withLogprobs: boolean
}

type Message = Extract<OutputItem, { type: 'message' }>
type Reasoning = Extract<OutputItem, { type: 'reasoning' }>
type FunctionCall = Extract<OutputItem, { type: 'function_call' }>

export class ResponseOutput {
  readonly items: OutputItem[] = []
  /** Counts the tokens that have only reasoning; a token with both counts as text. */
  reasoningTokens = 0
  readonly #deps: ResponseOutputDeps
  #open: { index: number; item: Message | Reasoning } | null = null
  readonly #calls = new Map<number, { index: number; item: FunctionCall }>() // until the end

  constructor(deps: ResponseOutputDeps) {
    this.#deps = deps
  }

  add(item: InferenceItem): void {
    if (item.reasoning !== undefined && item.reasoning !== '') this.#think(item, item.reasoning)
    const logprobs = this.#deps.withLogprobs ? (item.logprobs ?? []) : []
    if (item.text !== '' || (logprobs.length > 0 && item.toolCalls === undefined)) {
      this.#write(item.text, logprobs.map(toOutputLogprob))
    }
    for (const delta of item.toolCalls ?? []) this.#call(delta)
  }

  finish(status: FinalStatus): void {
    if (this.items.length === 0) this.#message() // an empty answer is an answer
    this.#close(status)
    for (const { index, item } of this.#calls.values()) {
      item.status = status
      const place = { item_id: item.id, output_index: index }
      this.#deps.emit('response.function_call_arguments.done', {
        ...place,
        arguments: item.arguments
      })
      this.#deps.emit('response.output_item.done', { output_index: index, item })
    }
  }

  #think(item: InferenceItem, text: string): void {
    this.reasoningTokens += reasoningTokensIn(item)
    const { index, item: reasoning } = this.#reasoning()
    reasoning.content[0]!.text += text
    this.#deps.emit('response.reasoning_text.delta', { ...placeOf(reasoning, index), delta: text })
  }

  #write(text: string, logprobs: OutputText['logprobs']): void {
    const { index, item } = this.#message()
    const part = item.content[0]!
    part.text += text
    part.logprobs.push(...logprobs)
    this.#deps.emit('response.output_text.delta', {
      ...placeOf(item, index),
      delta: text,
      logprobs: logprobs.map(withoutBytes)
    })
  }

  #call({ index: nth, id, name, arguments: text = '' }: ToolCallDelta): void {
    let call = this.#calls.get(nth)
    if (call === undefined) {
      this.#close('completed')
      const item: FunctionCall = {
        type: 'function_call',
        id: this.#deps.newId('fc_'),
        status: 'in_progress',
        call_id: id ?? this.#deps.newId('call_'),
        name: name ?? '',
        arguments: ''
      }
      call = { index: this.items.push(item) - 1, item }
      this.#calls.set(nth, call)
      this.#deps.emit('response.output_item.added', { output_index: call.index, item: { ...item } })
    }
    if (text === '') return
    const { index, item } = call
    item.arguments += text
    this.#deps.emit('response.function_call_arguments.delta', {
      item_id: item.id,
      output_index: index,
      delta: text
    })
  }

  #reasoning(): { index: number; item: Reasoning } {
    const open = this.#open
    if (open?.item.type === 'reasoning') return { index: open.index, item: open.item }
    const item: Reasoning = {
      type: 'reasoning',
      id: this.#deps.newId('rs_'),
      status: 'in_progress',
      summary: [],
      content: []
    }
    return { index: this.#begin(item, { type: 'reasoning_text', text: '' }), item }
  }

  #message(): { index: number; item: Message } {
    const open = this.#open
    if (open?.item.type === 'message') return { index: open.index, item: open.item }
    const item: Message = {
      type: 'message',
      id: this.#deps.newId('msg_'),
      status: 'in_progress',
      role: 'assistant',
      content: []
    }
    const part: OutputText = { type: 'output_text', text: '', annotations: [], logprobs: [] }
    return { index: this.#begin(item, part), item }
  }

  #begin(item: Message | Reasoning, part: OutputText | ReasoningText): number {
    this.#close('completed')
    const index = this.items.push(item) - 1
    this.#open = { index, item }
    const { emit } = this.#deps
    emit('response.output_item.added', { output_index: index, item: { ...item, content: [] } })
    emit('response.content_part.added', { ...placeOf(item, index), part: { ...part } })
    ;(item.content as unknown[]).push(part)
    return index
  }

  #close(status: FinalStatus): void {
    if (this.#open === null) return
    const { index, item } = this.#open
    this.#open = null
    const { emit } = this.#deps
    const place = placeOf(item, index)
    const part = item.content[0]!
    if (part.type === 'output_text') {
      const logprobs = part.logprobs.map(withoutBytes)
      emit('response.output_text.done', { ...place, text: part.text, logprobs })
    } else emit('response.reasoning_text.done', { ...place, text: part.text })
    emit('response.content_part.done', { ...place, part })
    item.status = status
    emit('response.output_item.done', { output_index: index, item })
  }
}

const placeOf = ({ id }: Message | Reasoning, index: number) => ({
  item_id: id,
  output_index: index,
  content_index: 0
})

/** OpenAI leaves the bytes out of events. */
const withoutBytes = ({ token, logprob, top_logprobs: top }: OutputText['logprobs'][number]) => ({
  token,
  logprob,
  top_logprobs: top.map((one) => ({ token: one.token, logprob: one.logprob }))
})
