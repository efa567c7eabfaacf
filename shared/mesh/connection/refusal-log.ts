/**
 * Refused hellos in the log: a person has to see them, and a stranger must not be able to fill the
 * disk with them.
 */
import type { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'

/** Lines at once, and one more every three seconds; the others are for whoever debugs. */
const LINES_MAX = 20
const LINE_MS = 3000

export class RefusalLog {
  readonly #log: Logger
  readonly #now: () => number
  #spent = 0
  #spentAt = 0

  /** `now` in milliseconds. */
  constructor(log: Logger, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /** `peer`: its key in hex. What was said of it before is said again only to whoever debugs. */
  note(peer: string, { code, message, details }: HaifError): void {
    if (details?.['again'] === true) {
      this.#log.debug({ peer, code }, `refused again: ${message}`)
      return
    }
    const now = this.#now()
    this.#spent = Math.max(0, this.#spent - (now - this.#spentAt) / LINE_MS)
    this.#spentAt = now
    const isLoud = this.#spent < LINES_MAX
    if (isLoud) this.#spent++
    this.#log[isLoud ? 'warn' : 'debug']({ peer, code }, `refused: ${message}`)
  }
}
