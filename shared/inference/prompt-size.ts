/**
 * The size of a prompt in tokens, estimated before any model has seen it: for placement, and for
 * limits and budgets, which are settled at the end anyway. Only the worker's tokenizer knows it
 * exactly.
 */
import type { ChatMessage, Tool } from '#shared/contracts/inference/chat.ts'
import { inputTexts, type Asked, type InferenceInput } from '#shared/contracts/inference/request.ts'
import type { EmbedAsked } from '#shared/contracts/inference/embedding.ts'

/**
 * Characters of one token: about four in English prose with a common tokenizer, fewer elsewhere.
 */
export const TOKEN_CHARACTERS = 4
/** The tokens that a chat template adds to each message. */
const MESSAGE_TOKENS = 4
/** What servers make of a common picture, and of a large one. */
const MEDIA_TOKENS = 1024
const MEDIA_TOKENS_MAX = 65_536
/** A template's own words: the longest that are known, with its rules for tools, have 1,500. */
const TEMPLATE_TOKENS_MAX = 2048
/** Its marks around each message, and around each input of an embedding. */
export const MARK_TOKENS_MAX = 64

export function promptTokensOf(input: InferenceInput): number {
  if (input.mode === 'tokens') return input.tokenIds.length
  if (input.mode === 'direct') return tokensOf(input.prompt.length)
  let tokens = 0
  for (const message of input.messages) {
    tokens += MESSAGE_TOKENS + tokensOf(charactersOf(message))
    tokens += (message.media?.length ?? 0) * MEDIA_TOKENS
  }
  return tokens
}

function charactersOf({ content, reasoning = '', toolCalls = [] }: ChatMessage): number {
  let characters = content.length + reasoning.length
  for (const { name, arguments: text } of toolCalls) characters += name.length + text.length
  return characters
}

/** What a template writes of the tools that a request offers. */
export const toolTokensOf = (tools: readonly Tool[] = []): number =>
  tools.length === 0 ? 0 : tokensOf(JSON.stringify(tools).length)

export function embeddedTokensOf(inputs: EmbedAsked['inputs']): number {
  let tokens = 0
  for (const input of inputs)
    tokens += typeof input === 'string' ? tokensOf(input.length) : input.length
  return tokens
}

const tokensOf = (characters: number): number => Math.ceil(characters / TOKEN_CHARACTERS)

/** A small file may be a large picture. */
function mediaTokensMax(input: InferenceInput): number {
  if (input.mode !== 'chat') return 0
  const all = input.messages.flatMap(({ media = [] }) => media)
  return all.reduce((sum, { media }) => sum + Math.max(MEDIA_TOKENS_MAX, media.data.length), 0)
}

/** Everything that a template is given. */
export type PromptParts = Pick<Asked, 'input' | 'tools' | 'responseFormat' | 'templateVariables'>

/** A token has at least one byte of what the template is given. */
export function promptTokensMax({
  input,
  tools,
  responseFormat,
  templateVariables
}: PromptParts): number {
  if (input.mode === 'tokens') return input.tokenIds.length + MARK_TOKENS_MAX
  const marks = input.mode === 'chat' ? (input.messages.length + 1) * MARK_TOKENS_MAX : 0
  let bytes = mediaTokensMax(input)
  for (const text of inputTexts(input)) bytes += Buffer.byteLength(text)
  for (const more of [tools, responseFormat, templateVariables]) {
    // A template may indent what it shows of them.
    if (more !== undefined) bytes += Buffer.byteLength(JSON.stringify(more, null, 4))
  }
  return bytes + marks + TEMPLATE_TOKENS_MAX
}
