/** Parts of Ollama's replies. */
import type { OllamaChatLine } from '#shared/contracts/http/ollama.ts'
import type { OpenAiLogprob } from '#shared/contracts/http/openai.ts'
import type { InferenceEnd, TokenLogprob } from '#shared/contracts/inference/answer.ts'
import { isFields } from '../chat/past/calls.ts'
import type { ToolCalls } from '../ask/gathered-answer.ts'
import { toLogprob } from '../openai/logprobs.ts'

const NANOSECONDS = 1_000_000

export const nanoseconds = (ms: number): number => Math.round(ms * NANOSECONDS)

/** What the last line has beside those before it. */
export function endFigures({ finishReason, usage, timings }: InferenceEnd) {
  const { queueMs, prefillMs, decodeMs } = timings
  return {
    done: true,
    done_reason: finishReason === 'length' ? ('length' as const) : ('stop' as const),
    total_duration: nanoseconds(queueMs + prefillMs + decodeMs),
    load_duration: nanoseconds(queueMs),
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: nanoseconds(prefillMs),
    eval_count: usage.completionTokens,
    eval_duration: nanoseconds(decodeMs)
  }
}

type OllamaToolCalls = NonNullable<OllamaChatLine['message']['tool_calls']>

/** A call that was cut has no arguments; the reason for the end says that it was. */
export const toolCallsOf = (calls: ToolCalls): OllamaToolCalls =>
  calls.all().map(({ id, name, arguments: written }, index) => ({
    id,
    function: { index, name, arguments: argumentsOf(written) }
  }))

function argumentsOf(written: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(written)
    return isFields(value) ? value : {}
  } catch {
    return {}
  }
}

/** What a line says, whichever endpoint it is of. */
export interface Said {
  text: string
  thinking?: string
  toolCalls?: OllamaToolCalls
  logprobs?: readonly TokenLogprob[]
}

type OllamaLogprobs = NonNullable<OllamaChatLine['logprobs']>

/** Empty where nothing was asked or nothing is known. */
const logprobFields = ({ logprobs = [] }: Said): { logprobs?: OllamaLogprobs } =>
  logprobs.length === 0 ? {} : { logprobs: logprobs.map((one) => toOllamaLogprob(one)) }

function toOllamaLogprob(logprob: TokenLogprob): OllamaLogprobs[number] {
  const { top_logprobs: top, ...chosen } = toLogprob(logprob)
  return {
    ...withoutNull(chosen),
    ...(top.length === 0 ? {} : { top_logprobs: top.map((one) => withoutNull(one)) })
  }
}

const withoutNull = ({ bytes, ...one }: Omit<OpenAiLogprob, 'top_logprobs'>) => ({
  ...one,
  ...(bytes === null ? {} : { bytes })
})

export const chatFields = (said: Said) => ({
  message: messageOf(said),
  ...logprobFields(said)
})

const messageOf = ({ text, thinking, toolCalls }: Said) => ({
  role: 'assistant' as const,
  content: text,
  ...(thinking === undefined ? {} : { thinking }),
  ...(toolCalls === undefined ? {} : { tool_calls: toolCalls })
})

export const generateFields = (said: Said) => ({
  response: said.text,
  ...(said.thinking === undefined ? {} : { thinking: said.thinking }),
  ...logprobFields(said)
})
