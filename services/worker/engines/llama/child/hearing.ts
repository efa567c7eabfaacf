/**
 * Whether the thread that computes still hears. It is deaf during a step, which is one call of C;
 * so it is asked by message, and a step that has begun since then counts as a sign of life.
 */
import { clockMs, type StepMemory } from './step-memory.ts'

export class Hearing {
  readonly #began: StepMemory['began']
  readonly #ask: () => void
  #askedAt = 0 // 0: it has answered

  constructor({ began }: Pick<StepMemory, 'began'>, ask: () => void) {
    this.#began = began
    this.#ask = ask
  }

  heard(): void {
    this.#askedAt = 0
  }

  /** Since when it has heard nothing, in `clockMs`; 0: it hears. Asks again where it has. */
  deafSince(): number {
    if (this.#askedAt !== 0) {
      return Math.max(this.#askedAt, Number(Atomics.load(this.#began, 0)))
    }
    this.#askedAt = Number(clockMs())
    this.#ask()
    return 0
  }
}
