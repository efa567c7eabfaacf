/** A worker for one attempt, from its placement to the attempt's end. */
import assert from 'node:assert/strict'
import type { Explanation } from '#shared/contracts/inference/explanation.ts'
import type { Holding, Outcome } from '../workers/holding.ts'
import type { Fault } from '../workers/reputation.ts'
import type { Score } from './placement.ts'

export class Grant {
  readonly holding: Holding
  readonly score: Score
  readonly explanation: Explanation | undefined
  /** Why placement chose the worker, in a sentence. */
  readonly reason: () => string
  readonly #onEnd: (outcome: Outcome) => void
  #hasEnded = false

  constructor(
    given: {
      holding: Holding
      score: Score
      explanation: Explanation | undefined
      reason: () => string
    },
    onEnd: (outcome: Outcome) => void
  ) {
    this.holding = given.holding
    this.score = given.score
    this.explanation = given.explanation
    this.reason = given.reason
    this.#onEnd = onEnd
  }

  succeeded(): void {
    this.#end('succeeded')
  }

  /** `fault`: what the worker is to blame for; its breaker and its reputation count it. */
  failed(fault: Fault | null): void {
    this.#end(fault ?? 'undecided')
  }

  /** The worker had no slot for the attempt after all. */
  refused(): void {
    this.#end('refused')
  }

  #end(outcome: Outcome): void {
    assert(!this.#hasEnded, 'R8: a grant ends once')
    this.#hasEnded = true
    this.#onEnd(outcome)
  }
}
