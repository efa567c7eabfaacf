/** Writes whole answers of a chat as one JSON reply. */
import type { ChatReply } from '#shared/contracts/http/chat.ts'
import type { Usage } from '#shared/contracts/inference/answer.ts'
import type { GatheredAnswer } from '../../ask/gathered-answer.ts'
import { replyId } from '../../http/reply-id.ts'
import { explanationsOf, finishReasonOf, secondsNow, sumUsage } from '../reply-parts.ts'
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
  id: replyId(prefix, requestId),
  created: secondsNow(),
  system_fingerprint: `haif-${version}`
})

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
    logprobs: withLogprobs ? { content: answer.logprobs.map(toLogprob), refusal: null } : null,
    finish_reason: finishReasonOf(end!.finishReason)
  }
}

const usageOf = ({ end, reasoningTokens }: GatheredAnswer): Usage => ({
  reasoningTokens,
  ...end!.usage
})
