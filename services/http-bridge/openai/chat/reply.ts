/** Gathers the answers of a chat into one JSON reply. */
import type { ChatReply } from '#shared/contracts/http/chat.ts'
import type { OpenAiLogprob } from '#shared/contracts/http/openai.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { explanationsOf, finishReasonOf, sumUsage } from '../reply-parts.ts'
import { toLogprob } from '../logprobs.ts'
import { ToolCalls } from '../tool-calls.ts'

type Choice = ChatReply['choices'][number]

export interface Named {
  id: string
  created: number
}

/** One answer, as it grows; what it holds is bounded by the tokens asked for. */
export class Gathered {
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

export function chatReply(
  { id, created }: Named,
  answers: readonly Gathered[],
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

function toChoice(answer: Gathered, index: number, withLogprobs: boolean): Choice {
  const { text, reasoning, end } = answer
  const calls = answer.toolCalls.all()
  const content = text === '' && calls.length > 0 ? null : text
  const message: Choice['message'] = { role: 'assistant', content, refusal: null }
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
