/** How large a prompt is, for estimates: only the worker's tokenizer knows exactly. */
import type { InferenceInput } from '#shared/contracts/inference/request.ts'

/** Characters of a token, in English with a common tokenizer. */
export const TOKEN_CHARACTERS = 4

export function promptCharacters(input: InferenceInput): number {
  if (input.mode === 'tokens') return input.tokenIds.length * TOKEN_CHARACTERS
  if (input.mode === 'direct') return input.prompt.length
  return input.messages.reduce((sum, { content }) => sum + content.length, 0)
}
