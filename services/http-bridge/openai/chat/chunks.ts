/** Writes the answers of a chat as chunks: the role, then deltas, then the finish reason. */
import type { ChatChunk, ChatDelta } from '#shared/contracts/http/chat.ts'
import type { InferenceItem, ToolCallDelta, Usage } from '#shared/contracts/inference/answer.ts'
import type { AnswerPart } from '../../ask/answer-parts.ts'
import { reasoningTokensIn } from '../../ask/gathered-answer.ts'
import type { EventForm } from '../../ask/send-answer.ts'
import type { FailedRequest } from '../../http/errors.ts'
import type { SseWriter } from '../../http/stream/sse-writer.ts'
import type { ReplyHead } from './reply.ts'
import { openAiErrorBody } from '../error.ts'
import { toLogprob } from '../logprobs.ts'
import { commentOn, finishReasonOf, sumUsage } from '../reply-parts.ts'

interface ChunkOptions extends ReplyHead {
  /** The client's name for the model; without one, the first item tells which answers. */
  model?: string | undefined
  includeUsage: boolean
  withLogprobs: boolean
  tellsServed: boolean
}

type ChatLogprobs = ChatChunk['choices'][number]['logprobs']

export class ChatChunks implements EventForm {
  readonly #options: ChunkOptions
  #model: string
  readonly #begun = new Set<number>() // one entry for each choice
  readonly #usages: Usage[] = []
  readonly #reasoningTokens: number[] = []

  constructor(options: ChunkOptions) {
    this.#options = options
    this.#model = options.model ?? ''
  }

  part(part: AnswerPart, events: SseWriter): void {
    commentOn(part, events, this.#options.tellsServed)
    const { index } = part
    if (part.kind === 'item' && this.#model === '') this.#model = part.item.model ?? ''
    if (part.kind === 'item' && part.item.queued !== undefined) return
    this.#begin(index, events)
    if (part.kind === 'item') {
      this.#item(index, part.item, events)
      return
    }
    const reasoningTokens = this.#reasoningTokens[index] ?? 0
    this.#usages[index] = { reasoningTokens, ...part.end.usage }
    const reason = finishReasonOf(part.end.finishReason)
    events.data(JSON.stringify(this.#chunk([this.#choice(index, {}, null, reason)])))
  }

  end(events: SseWriter): void {
    if (this.#options.includeUsage) {
      const usage = sumUsage(this.#usages, this.#usages.length)
      events.data(JSON.stringify({ ...this.#chunk([]), usage }))
    }
    events.data('[DONE]')
  }

  /** An empty delta, as not every client knows that a line may be a comment. */
  keepAlive(events: SseWriter): void {
    this.#begin(0, events)
    events.data(JSON.stringify(this.#chunk([this.#choice(0, {})])))
  }

  failure({ error }: FailedRequest, events: SseWriter): void {
    events.data(JSON.stringify(openAiErrorBody(error)))
  }

  #begin(index: number, events: SseWriter): void {
    if (this.#begun.has(index)) return
    this.#begun.add(index)
    const choice = this.#choice(index, { role: 'assistant', content: '' })
    events.data(JSON.stringify(this.#chunk([choice])))
  }

  #item(index: number, item: InferenceItem, events: SseWriter): void {
    const delta: ChatDelta = {}
    const thought = reasoningTokensIn(item)
    if (thought > 0) this.#reasoningTokens[index] = (this.#reasoningTokens[index] ?? 0) + thought
    if (item.text !== '') delta.content = item.text
    if (item.reasoning !== undefined && item.reasoning !== '') {
      Object.assign(delta, { reasoning_content: item.reasoning, reasoning: item.reasoning })
    }
    if (item.toolCalls !== undefined) delta.tool_calls = item.toolCalls.map(toDelta)
    const logprobs = this.#logprobs(item)
    // A token may be only the start of a character.
    if (Object.keys(delta).length === 0 && logprobs === null) return
    events.data(JSON.stringify(this.#chunk([this.#choice(index, delta, logprobs)])))
  }

  #logprobs({ logprobs = [] }: InferenceItem): ChatLogprobs {
    if (!this.#options.withLogprobs || logprobs.length === 0) return null
    return { content: logprobs.map((logprob) => toLogprob(logprob)), refusal: null }
  }

  #choice(
    index: number,
    delta: ChatDelta,
    logprobs: ChatLogprobs = null,
    reason: ChatChunk['choices'][number]['finish_reason'] = null
  ): ChatChunk['choices'][number] {
    return { index, delta, logprobs, finish_reason: reason }
  }

  #chunk(choices: ChatChunk['choices']): ChatChunk {
    const { id, created, system_fingerprint, includeUsage } = this.#options
    const model = this.#model
    const object = 'chat.completion.chunk'
    const chunk: ChatChunk = { id, object, created, model, system_fingerprint, choices }
    if (includeUsage) chunk.usage = null // as OpenAI does in all chunks but the last
    return chunk
  }
}

function toDelta({ index, id, name, arguments: text = '' }: ToolCallDelta) {
  const delta: NonNullable<ChatDelta['tool_calls']>[number] = {
    index,
    function: { arguments: text }
  }
  if (id !== undefined) Object.assign(delta, { id, type: 'function' })
  if (name !== undefined) delta.function.name = name
  return delta
}
