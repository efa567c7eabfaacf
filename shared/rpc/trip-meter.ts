/**
 * The round trip of a connection whose transport does not measure it, as one over TCP: both ends
 * ask for an empty answer now and then.
 */
import type ProtomuxRPC from 'protomux-rpc'

const PING_METHOD = 'haif/ping'
const PING_MS = 5000
const FIRST_MS = 100
const ANSWER_MS_MAX = 3000
/** How much the latest trip counts, as for the transports that measure it. */
const NEW_SHARE = 0.25

const EMPTY = Buffer.alloc(0)

export class TripMeter {
  readonly #rpc: ProtomuxRPC
  #tripMs = 0

  constructor(rpc: ProtomuxRPC) {
    this.#rpc = rpc
    rpc.respond(PING_METHOD, () => EMPTY)
    const first = setTimeout(() => void this.#ping(), FIRST_MS)
    const again = setInterval(() => void this.#ping(), PING_MS)
    for (const timer of [first, again]) timer.unref()
    rpc.once('close', () => {
      clearTimeout(first)
      clearInterval(again)
    })
  }

  /** Smoothed, in milliseconds; 0 until the first answer. */
  get tripMs(): number {
    return this.#tripMs
  }

  async #ping(): Promise<void> {
    const askedAt = performance.now()
    try {
      await this.#rpc.request(PING_METHOD, EMPTY, { timeout: ANSWER_MS_MAX })
    } catch {
      return // the connection is closing, or slow: its liveness is watched elsewhere
    }
    const ms = performance.now() - askedAt
    this.#tripMs = this.#tripMs === 0 ? ms : this.#tripMs + (ms - this.#tripMs) * NEW_SHARE
  }
}
