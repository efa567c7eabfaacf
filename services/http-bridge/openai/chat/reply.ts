/** Gathers the answers of a chat into one JSON reply. */
import type { ChatReply } from '#shared/contracts/http/chat.ts'
import type { OpenAiLogprob } from '#shared/contracts/http/openai.ts'
import type {
  InferenceEnd,
  InferenceItem,
  ToolCallDelta
} from '#shared/contracts/inference/answer.ts'
import type { ToolCall } from '#shared/contracts/inference/chat.ts'
import type { AnswerParts } from '../../ask/answer-parts.ts'
import { explanationsOf, finishReasonOf, sumUsage } from '../reply-parts.ts'
import { toLogprob } from '../logprobs.ts'

type ChatChoice = ChatReply['choices'][number]

/** The fields that a reply and all chunks of one have in common. */
export interface ReplyHead {
  id: string
  created: number
}

/** One answer while it grows; the tokens asked for bound it. */
class GatheredAnswer {
  text = ''
  reasoning = ''
  readonly toolCalls = new ToolCalls()
  readonly logprobs: OpenAiLogprob[] = []
  end: InferenceEnd | null = null

  add(item: InferenceItem): void {
    this.text += item.text
    this.reasoning += item.reasoning ?? ''
    for (const delta of item.toolCalls ?? []) this.toolCalls.add(delta)
    for (const logprob of item.logprobs ?? []) this.logprobs.push(toLogprob(logprob))
  }
}

/** Reads all answers to their end. */
export async function gatherAnswers(
  parts: AnswerParts,
  choices: number
): Promise<GatheredAnswer[]> {
  const answers = Array.from({ length: choices }, () => new GatheredAnswer())
  for await (const together of parts) {
    for (const part of together) {
      const answer = answers[part.index]!
      if (part.kind === 'item') answer.add(part.item)
      else answer.end = part.end
    }
  }
  return answers
}

export function chatReply(
  { id, created }: ReplyHead,
  answers: readonly GatheredAnswer[],
  withLogprobs: boolean
): ChatReply {
  const ends = answers.map(({ end }) => end!)
  return {
    id,
    object: 'chat.completion',
    created,
    model: ends[0]!.model,
    choices: answers.map((answer, index) => toChoice(answer, index, withLogprobs)),
    usage: sumUsage(ends, ends.length),
    ...explanationsOf(ends)
  }
}

function toChoice(answer: GatheredAnswer, index: number, withLogprobs: boolean): ChatChoice {
  const { text, reasoning, end } = answer
  const calls = answer.toolCalls.all()
  const content = text === '' && calls.length > 0 ? null : text
  const message: ChatChoice['message'] = { role: 'assistant', content, refusal: null }
  if (reasoning !== '') message.reasoning_content = reasoning
  if (calls.length > 0) {
    message.tool_calls = calls.map(({ id, name, arguments: text }) => ({
      id,
      type: 'function',
      function: { name, arguments: text }
    }))
  }
  return {
    index,
    message,
    logprobs: withLogprobs ? { content: answer.logprobs, refusal: null } : null,
    finish_reason: finishReasonOf(end!.finishReason)
  }
}

/** The tool calls of one answer, put together from their parts. */
class ToolCalls {
  readonly #calls = new Map<number, ToolCall>() // the contract bounds their number

  add({ index, id, name, arguments: text = '' }: ToolCallDelta): ToolCall {
    const call = this.#calls.get(index) ?? { id: '', name: '', arguments: '' }
    if (id !== undefined) call.id = id
    if (name !== undefined) call.name = name
    call.arguments += text
    this.#calls.set(index, call)
    return call
  }

  all(): ToolCall[] {
    return [...this.#calls].toSorted(([a], [b]) => a - b).map(([, call]) => call)
  }
}
