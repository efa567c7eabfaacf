/**
 * An outage of something that comes back by itself, as a database or a collector. The log says once
 * that it began and once that it is over, however often it was tried in between.
 */
import type { Logger } from '#shared/process/log.ts'
import { HaifError } from '#shared/errors.ts'
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
  /** The kind of trouble that was said last: another one is worth a line of its own. */
  #kind: unknown
  #reason = ''

  constructor(log: Logger, texts: OutageTexts) {
    this.#log = log
    this.#texts = texts
  }

  get isAway(): boolean {
    return this.#isAway
  }

  /** While it lasts: what it is, in a sentence for people. Null: all is well. */
  get warning(): string | null {
    return this.#isAway ? `${this.#texts.begins}: ${this.#reason}` : null
  }

  /** `facts` are logged beside the reason. */
  failed(error: unknown, facts: object = {}): void {
    const kind = error instanceof HaifError ? error.details?.['trouble'] : undefined
    this.#reason = reasonOf(error)
    if (this.#isAway && kind === this.#kind) return
    this.#isAway = true
    this.#kind = kind
    const { begins, level = 'warn' } = this.#texts
    const cause = error instanceof HaifError ? error.cause : undefined
    const said = cause === undefined ? {} : { cause: reasonOf(cause) }
    this.#log[level]({ reason: this.#reason, ...said, ...facts }, begins)
  }

  worked(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#log.info({}, this.#texts.ends)
  }
}
