/**
 * The usage that a worker gives with the end of an answer, against what was asked and what has
 * passed. Budgets and books are counted from it, so nobody is believed about more than can be.
 */
import type { InferenceEnd, Usage } from '#shared/contracts/inference/answer.ts'
import type { EmbedAsked, EmbedReply } from '#shared/contracts/inference/embedding.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import type { Passed } from './answer-bound.ts'
import {
  embeddedTokensOf,
  MARK_TOKENS_MAX,
  promptTokensMax,
  promptTokensOf
} from './prompt-size.ts'

/** An end token, or what a server draws before it sees that it should have ended. */
const EXTRA_TOKENS = 64
/** UTF-8 bytes of a character; a token has at least one. */
const BYTES_PER_CHARACTER_MAX = 3

interface Checked {
  usage: Usage
  /** What cannot be true, in words; null where everything can be. */
  lie: string | null
}

/**
 * Corrects what cannot be. Hidden thoughts of a server make no tokens here, so what a worker counts
 * beyond the text that has passed is not counted, and not held against it either, up to
 * `maxTokens`.
 */
export function checkedUsage(
  { promptTokens, cachedPromptTokens, completionTokens, reasoningTokens, ...rest }: Usage,
  asked: Asked,
  passed: Passed
): Checked {
  const prompt = checkedPrompt(promptTokens, asked)
  const seen = Math.max(passed.tokens, passed.characters * BYTES_PER_CHARACTER_MAX)
  const most = Math.min(asked.maxTokens, seen) + EXTRA_TOKENS
  const completion = Math.max(passed.ids, Math.min(completionTokens, most))
  const lie =
    completionTokens > asked.maxTokens + EXTRA_TOKENS
      ? `${completionTokens} tokens of an answer that may have ${asked.maxTokens}`
      : prompt.lie
  const usage = {
    ...rest,
    promptTokens: prompt.tokens,
    cachedPromptTokens: Math.min(cachedPromptTokens, prompt.tokens),
    completionTokens: completion
  }
  if (reasoningTokens === undefined) return { usage, lie }
  return { usage: { ...usage, reasoningTokens: Math.min(reasoningTokens, completion) }, lie }
}

function checkedPrompt(said: number, asked: Asked): { tokens: number; lie: string | null } {
  const estimate = promptTokensOf(asked.input)
  if (said <= estimate) return { tokens: said, lie: null } // the common case costs nothing
  const most = promptTokensMax(asked)
  if (said <= most) return { tokens: said, lie: null }
  return { tokens: estimate, lie: `${said} tokens of a prompt that can have ${most}` }
}

/** Vectors for other inputs than those asked for, or tokens that the texts cannot have. */
export function embeddingLie({ inputs }: EmbedAsked, reply: EmbedReply): string | null {
  if (reply.vectors.length !== inputs.length) {
    return `${reply.vectors.length} vectors for ${inputs.length} inputs`
  }
  if (reply.promptTokens <= embeddedTokensOf(inputs)) return null
  let most = 0
  for (const input of inputs) {
    most += MARK_TOKENS_MAX + (typeof input === 'string' ? Buffer.byteLength(input) : input.length)
  }
  return reply.promptTokens <= most ? null : `${reply.promptTokens} tokens of ${most} at most`
}

/**
 * The same for who has not looked at what passed: a gateway believes an orchestrator no more than
 * the request that it has let in allows.
 */
export function grossUsage(end: InferenceEnd, asked: Asked): InferenceEnd {
  if (end.repeated === true) return end
  const anything = { tokens: Infinity, ids: 0, characters: Infinity }
  return { ...end, usage: checkedUsage(end.usage, asked, anything).usage }
}
