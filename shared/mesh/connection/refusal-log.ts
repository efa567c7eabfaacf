/**
 * Refused hellos in the log: a person has to see them, and a stranger must not be able to fill the
 * disk with them.
 */
import type { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Logger } from '#shared/process/log.ts'

/** A peer that is refused tries again for ever, and each time for the same reason. */
const AGAIN_MS = 60_000
/** Keys whose last line is remembered; a stranger who makes up more is bounded by the lines. */
const KEYS_MAX = 1024

/** Lines at once, and one more every three seconds; the others are for whoever debugs. */
const LINES_MAX = 20
const LINE_MS = 3000

export class RefusalLog {
  readonly #log: Logger
  readonly #now: () => number
  readonly #saidAt = new BoundedMap<string, number>(KEYS_MAX)
  #spent = 0
  #spentAt = 0

  /** `now` in milliseconds. */
  constructor(log: Logger, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /**
   * `peer`: its key in hex. What was said of it before, or within the minute, is said again only to
   * whoever debugs.
   */
  note(peer: string, { code, message, details }: HaifError): void {
    const now = this.#now()
    const isAgain = now - (this.#saidAt.get(peer) ?? -Infinity) < AGAIN_MS
    if (isAgain || details?.['again'] === true) {
      this.#log.debug({ peer, code }, `refused again: ${message}`)
      return
    }
    this.#spent = Math.max(0, this.#spent - (now - this.#spentAt) / LINE_MS)
    this.#spentAt = now
    const isLoud = this.#spent < LINES_MAX
    if (isLoud) {
      this.#spent++
      this.#saidAt.set(peer, now)
    }
    this.#log[isLoud ? 'warn' : 'debug']({ peer, code }, `refused: ${message}`)
  }
}
