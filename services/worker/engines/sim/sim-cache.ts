/**
 * The prompts that a simulated worker still has in its KV memory: the beginning that a new prompt
 * shares with one of them need not be read again. The memory has a budget of tokens; the least
 * recently used texts go first.
 */
import { CHARACTERS_PER_TOKEN, countPromptTokens } from './sim-text.ts'

export class SimCache {
  readonly #budgetTokens: number
  readonly #texts = new Set<string>() // within the budget, least recently used first
  #tokens = 0

  constructor(budgetTokens: number) {
    this.#budgetTokens = budgetTokens
  }

  get tokens(): number {
    return this.#tokens
  }

  /** Counts the first tokens of a prompt that need not be read; the last token always has to be. */
  match(prompt: string): number {
    let best = { text: '', length: 0 }
    for (const text of this.#texts) {
      const length = commonPrefix(text, prompt)
      if (length > best.length) best = { text, length }
    }
    if (best.length === 0) return 0
    this.#texts.delete(best.text) // a used text goes to the end of the line
    this.#texts.add(best.text)
    return Math.min(Math.floor(best.length / CHARACTERS_PER_TOKEN), countPromptTokens(prompt) - 1)
  }

  /** Keeps a text, in place of the texts that it continues. */
  add(text: string): void {
    if (countPromptTokens(text) > this.#budgetTokens) return
    for (const known of this.#texts) {
      if (text.startsWith(known)) this.#remove(known)
    }
    this.#texts.add(text)
    this.#tokens += countPromptTokens(text)
    for (const oldest of this.#texts) {
      if (this.#tokens <= this.#budgetTokens) break
      this.#remove(oldest)
    }
  }

  #remove(text: string): void {
    this.#texts.delete(text)
    this.#tokens -= countPromptTokens(text)
  }
}

/** Counts the characters that both begin with, by halves: comparing slices is a `memcmp`. */
function commonPrefix(a: string, b: string): number {
  let same = 0
  let beyond = Math.min(a.length, b.length) + 1
  while (beyond - same > 1) {
    const middle = (same + beyond) >>> 1
    if (a.slice(same, middle) === b.slice(same, middle)) same = middle
    else beyond = middle
  }
  return same
}
