/** Writes a whole answer as one message of Anthropic's. */
import type {
  MessageReply,
  MessageUsage,
  ReplyBlock,
  StopReason
} from '#shared/contracts/http/anthropic.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import type { GatheredAnswer } from '../ask/gathered-answer.ts'
import type { Thoughts } from './request.ts'

/** Clients keep it beside a thought and send both back; here it proves nothing. */
export const SIGNATURE = 'haif'

interface ReplyOptions {
  id: string
  thoughts: Thoughts
  stopSequences: readonly string[]
}

export function messageReply(answer: GatheredAnswer, options: ReplyOptions): MessageReply {
  const end = answer.end!
  return {
    id: options.id,
    type: 'message',
    role: 'assistant',
    model: end.model,
    content: blocksOf(answer, options.thoughts),
    ...stopOf(end, options.stopSequences),
    usage: usageOf(end)
  }
}

function blocksOf(
  { text, reasoning, toolCalls }: GatheredAnswer,
  thoughts: Thoughts
): ReplyBlock[] {
  const blocks: ReplyBlock[] = []
  if (thoughts !== 'none' && reasoning !== '') {
    const thinking = thoughts === 'shown' ? reasoning : ''
    blocks.push({ type: 'thinking', thinking, signature: SIGNATURE })
  }
  if (text !== '') blocks.push({ type: 'text', text, citations: null })
  for (const { id, name, arguments: written } of toolCalls.all()) {
    blocks.push({ type: 'tool_use', id, name, input: inputOf(written) })
  }
  return blocks
}

/** A call that was cut has no input; the stop reason says that it was. */
function inputOf(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return {}
  }
}

interface Stop {
  stop_reason: StopReason
  stop_sequence: string | null
}

export function stopOf(
  { finishReason, stopText }: InferenceEnd,
  stopSequences: readonly string[]
): Stop {
  if (finishReason === 'length') return { stop_reason: 'max_tokens', stop_sequence: null }
  if (finishReason === 'toolCalls') return { stop_reason: 'tool_use', stop_sequence: null }
  return stopText !== undefined && stopSequences.includes(stopText)
    ? { stop_reason: 'stop_sequence', stop_sequence: stopText }
    : { stop_reason: 'end_turn', stop_sequence: null }
}

/** Anthropic counts the tokens that a cache had beside those of the input, not among them. */
export const usageOf = ({ usage }: Pick<InferenceEnd, 'usage'>): MessageUsage => ({
  input_tokens: usage.promptTokens - usage.cachedPromptTokens,
  output_tokens: usage.completionTokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: usage.cachedPromptTokens
})

export const NO_USAGE: MessageUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0
}
