/**
 * The attempts of a request that run now: one, or two while the first is silent. The first to
 * answer wins, and the other is fenced.
 */
import assert from 'node:assert/strict'
import type { Attempt, Step } from './attempt.ts'
import { Silence } from './silence.ts'

const SILENCE_MS_MIN = 1500
const RIVALS_MAX = 2

export class Rivals {
  #attempts: Attempt[] = [] // at most RIVALS_MAX
  readonly #silence: Silence

  constructor(now: () => number) {
    this.#silence = new Silence(now)
  }

  get size(): number {
    return this.#attempts.length
  }

  /** The only attempt, or null. */
  get alone(): Attempt | null {
    return this.#attempts.length === 1 ? this.#attempts[0]! : null
  }

  /** The attempt that began last; null while none runs. */
  get latest(): Attempt | null {
    return this.#attempts.at(-1) ?? null
  }

  add(attempt: Attempt): void {
    this.#attempts.push(attempt)
    assert(this.#attempts.length <= RIVALS_MAX, 'R4: an attempt has at most one rival')
  }

  remove(attempt: Attempt): void {
    this.#attempts = this.#attempts.filter((other) => other !== attempt)
  }

  /** The next step of any of them; null after a silence. */
  async next(): Promise<Step | null> {
    const step = await new Promise<Step | null>((resolve) => {
      this.#silence.await(this.#silenceMsMax(), () => resolve(null))
      for (const attempt of this.#attempts) void attempt.next().then(resolve)
    })
    step?.attempt.taken(step, this.#silence.heard())
    return step
  }

  /** The attempt has begun to answer: any other one is fenced. */
  won(winner: Attempt): void {
    if (this.#attempts.length === 1) return
    const [first, rival] = this.#attempts
    // The first one was silent for too long. A rival that came too late has done nothing wrong.
    if (first !== winner) first?.fence('another worker was faster', 'slow')
    else rival?.fence('the first worker has spoken', null)
    this.#attempts = [winner]
  }

  /** Nobody wants the answer any more. */
  end(): void {
    this.#silence.stop()
    for (const attempt of this.#attempts) attempt.fence('no longer wanted', null)
  }

  #silenceMsMax(): number {
    let ms = SILENCE_MS_MIN
    for (const attempt of this.#attempts) ms = Math.max(ms, attempt.silenceMsMax)
    return ms
  }
}
