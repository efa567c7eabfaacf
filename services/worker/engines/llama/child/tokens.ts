/** The library brands token ids; a number from outside becomes one by being in the vocabulary. */
import { HaifError } from '#shared/errors.ts'
import type { Token } from './vocabulary.ts'

/** llama.cpp aborts the process for a token outside the vocabulary. */
export function isToken(id: number, vocabularySize: number): id is Token {
  return Number.isInteger(id) && id >= 0 && id < vocabularySize
}

/** `what` names the ids in the error. */
export function toTokens(
  tokenIds: readonly number[],
  vocabularySize: number,
  what: string
): Token[] {
  return tokenIds.map((id) => {
    if (isToken(id, vocabularySize)) return id
    throw new HaifError('VALIDATION_FAILED', `${what}: the model has no token ${id}`)
  })
}
