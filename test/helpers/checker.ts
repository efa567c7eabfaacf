/**
 * Knows what every simulated answer must contain, and says what is wrong with a stream, if
 * anything.
 */
import type { InferenceItem } from '#shared/contracts/inference/answer.ts'
import { simAnswer, type SimToken } from '../../services/worker/engines/sim/sim-text.ts'

export function expectedText(prompt: string, tokens: number): string {
  const tokenAt = simAnswer(prompt)
  return Array.from({ length: tokens }, (_, i) => tokenAt(i).text).join('')
}

/** One stream: each item has to be the next tokens of the answer to its own prompt. */
export class StreamCheck {
  readonly #tokenAt: (index: number) => SimToken
  #tokens = 0
  #problem: string | null = null

  constructor(prompt: string) {
    this.#tokenAt = simAnswer(prompt)
  }

  get tokens(): number {
    return this.#tokens
  }

  /** The first thing that was wrong. */
  get problem(): string | null {
    return this.#problem
  }

  item({ seq, tokenIds, text }: InferenceItem): void {
    if (seq !== this.#tokens) this.#report(`token ${seq} came, ${this.#tokens} was due`)
    let expected = ''
    for (const id of tokenIds) {
      const due = this.#tokenAt(this.#tokens++)
      expected += due.text
      if (id !== due.id) this.#report(`token ${this.#tokens - 1} has id ${id}, not ${due.id}`)
    }
    if (text !== expected) this.#report(`"${text}" came where "${expected}" was due`)
  }

  end(tokens: number): void {
    if (this.#tokens !== tokens) this.#report(`ended after ${this.#tokens} of ${tokens} tokens`)
  }

  #report(problem: string): void {
    this.#problem ??= problem
  }
}
