/**
 * An outage of something that comes back by itself, as a database or a collector. The log says once
 * that it began and once that it is over, however often it was tried in between.
 */
import type { Logger } from '#shared/process/log.ts'
import { reasonOf } from './reason-of.ts'

interface OutageTexts {
  begins: string
  ends: string
  /** `error` where something is lost in the meantime. */
  level?: 'warn' | 'error'
}

export class Outage {
  readonly #log: Logger
  readonly #texts: OutageTexts
  #isAway = false

  constructor(log: Logger, texts: OutageTexts) {
    this.#log = log
    this.#texts = texts
  }

  get isAway(): boolean {
    return this.#isAway
  }

  /** `facts` are logged beside the reason. */
  failed(error: unknown, facts: object = {}): void {
    if (this.#isAway) return
    this.#isAway = true
    const { begins, level = 'warn' } = this.#texts
    this.#log[level]({ reason: reasonOf(error), ...facts }, begins)
  }

  worked(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#log.info({}, this.#texts.ends)
  }
}
