/**
 * Something that may be away for a while, as a database or a collector: the log says once that it is,
 * and once that it is back, however often it was tried in between.
 */
import type { Logger } from '#shared/process/log.ts'
import { reasonOf } from './reason-of.ts'

interface OutageTexts {
  begins: string
  ends: string
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
    this.#log.warn({ reason: reasonOf(error), ...facts }, this.#texts.begins)
  }

  worked(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#log.info({}, this.#texts.ends)
  }
}
