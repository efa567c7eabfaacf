/** Gathers the answers of a chat into one JSON reply. */
import type { ChatReply } from '#shared/contracts/http/chat.ts'
import type { OpenAiLogprob } from '#shared/contracts/http/openai.ts'
import type {
  InferenceEnd,
  InferenceItem,
  ToolCallDelta,
  Usage
} from '#shared/contracts/inference/answer.ts'
import type { ToolCall } from '#shared/contracts/inference/chat.ts'
import type { AnswerParts } from '../../ask/answer-parts.ts'
import {
  explanationsOf,
  finishReasonOf,
  idOf,
  reasoningTokensIn,
  secondsNow,
  sumUsage
} from '../reply-parts.ts'
import { toLogprob } from '../logprobs.ts'

type ChatChoice = ChatReply['choices'][number]

/** The fields that a reply and all chunks of one have in common. */
export interface ReplyHead {
  id: string
  created: number
  /** Named after the version: what a client compares to know whether answers may differ. */
  system_fingerprint: string
}

export const headOf = (prefix: string, requestId: string, version: string): ReplyHead => ({
  id: idOf(prefix, requestId),
  created: secondsNow(),
  system_fingerprint: `haif-${version}`
})

/** One answer while it grows; the tokens asked for bound it. */
class GatheredAnswer {
  text = ''
  reasoning = ''
  /** Tokens that only thought, as far as they can be told; the engine may know it better. */
  reasoningTokens = 0
  readonly toolCalls = new ToolCalls()
  readonly logprobs: OpenAiLogprob[] = []
  end: InferenceEnd | null = null

  add(item: InferenceItem): void {
    this.text += item.text
    this.reasoning += item.reasoning ?? ''
    this.reasoningTokens += reasoningTokensIn(item)
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
  { id, created, system_fingerprint }: ReplyHead,
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
    usage: sumUsage(answers.map(usageOf), ends.length),
    system_fingerprint,
    ...explanationsOf(ends)
  }
}

function toChoice(answer: GatheredAnswer, index: number, withLogprobs: boolean): ChatChoice {
  const { text, reasoning, end } = answer
  const calls = answer.toolCalls.all()
  const content = text === '' && calls.length > 0 ? null : text
  const message: ChatChoice['message'] = { role: 'assistant', content, refusal: null }
  if (reasoning !== '') Object.assign(message, { reasoning_content: reasoning, reasoning })
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

const usageOf = ({ end, reasoningTokens }: GatheredAnswer): Usage => ({
  reasoningTokens,
  ...end!.usage
})

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
