/**
 * The round trip of a connection whose transport does not measure it, as one over TCP: the other
 * side is asked for an empty answer now and then.
 */

const ASK_MS = 5000
const FIRST_MS = 100
/** How much the latest trip counts, as with the transports that measure it. */
const NEW_SHARE = 0.25

export class TripMeter {
  readonly #ask: () => Promise<unknown>
  readonly #timers: NodeJS.Timeout[]
  #tripMs = 0

  constructor(ask: () => Promise<unknown>) {
    this.#ask = ask
    const measure = () => void this.#measure()
    this.#timers = [setTimeout(measure, FIRST_MS), setInterval(measure, ASK_MS)]
    for (const timer of this.#timers) timer.unref()
  }

  /** Smoothed, in milliseconds; 0 until the first answer. */
  get tripMs(): number {
    return this.#tripMs
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  async #measure(): Promise<void> {
    const askedAt = performance.now()
    try {
      await this.#ask()
    } catch {
      return // the connection is closing, or slow: its liveness is watched elsewhere
    }
    const ms = performance.now() - askedAt
    this.#tripMs = this.#tripMs === 0 ? ms : this.#tripMs + (ms - this.#tripMs) * NEW_SHARE
  }
}
