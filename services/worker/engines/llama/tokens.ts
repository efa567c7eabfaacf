/** The library brands token ids; a number from outside becomes one by being in the vocabulary. */
import type { Token } from 'node-llama-cpp'

/** Outside of the vocabulary llama.cpp aborts the process. */
export function isToken(id: number, vocabularySize: number): id is Token {
  return Number.isInteger(id) && id >= 0 && id < vocabularySize
}
