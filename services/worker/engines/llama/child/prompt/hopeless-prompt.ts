/**
 * Refuses a prompt that is far too long for the context before it is rendered and tokenised whole.
 * That is one thread's work for megabytes, during which no other answer of the model gets a token.
 */
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import type { Vocabulary } from '../vocabulary.ts'

/** Texts with fewer characters for each token of the context are simply tokenised. */
const CHARACTERS_PER_TOKEN = 8
const PART_CHARACTERS = 16_384
/** A word that is cut in two has some tokens more than in one piece. */
const TOKENS_PER_CUT = 16

export function refuseHopeless(
  input: InferenceInput,
  vocabulary: Pick<Vocabulary, 'tokenize'>,
  contextTokens: number
): void {
  const texts = textsOf(input)
  const characters = texts.reduce((sum, text) => sum + text.length, 0)
  if (characters <= contextTokens * CHARACTERS_PER_TOKEN) return
  let least = 0
  for (const text of texts) {
    for (let from = 0; from < text.length; from += PART_CHARACTERS) {
      const part = text.slice(from, from + PART_CHARACTERS)
      least += Math.max(0, vocabulary.tokenize(part).length - TOKENS_PER_CUT)
      if (least >= contextTokens) throw tooLong(least, contextTokens)
    }
  }
}

function textsOf(input: InferenceInput): string[] {
  switch (input.mode) {
    case 'tokens':
      return []
    case 'chat':
      return input.messages.map(({ content }) => content)
    case 'direct':
      return [input.prompt]
  }
}

function tooLong(promptTokens: number, contextTokens: number): HaifError {
  return new HaifError(
    'CONTEXT_TOO_LONG',
    `the prompt has more than ${promptTokens} tokens and the model's context ${contextTokens}: ` +
      'shorten the prompt',
    { details: { promptTokens, contextTokens } }
  )
}
