/**
 * The loss of a connection, from two counters of its transport: packets sent, and packets sent
 * again. Over a window, because what was lost an hour ago says nothing of now.
 *
 * What was sent again is not always lost: a machine that is busy answers too late. So one window
 * says little, and what it says fades. Otherwise a worker that was slow to start would be passed
 * over, send nothing, and never be better.
 */

/** Fewer packets are no sample: one that is lost would look like a broken line. */
const PACKETS_MIN = 100
/** The transport counts what it sent again in 16 bits. */
const COUNTER = 2 ** 16
/** How much the latest window counts. */
const NEW_SHARE = 0.5
const HALF_LIFE_MS = 10_000

export class LossMeter {
  readonly #now: () => number
  #packets = 0
  #again = 0
  #percent = 0
  #at: number

  /** `now`: in milliseconds, of any clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#at = now()
  }

  /** Takes the counters as they are now; returns the loss in percent. */
  percent(sentPackets: number, retransmits: number): number {
    const now = this.#now()
    this.#percent *= 2 ** ((this.#at - now) / HALF_LIFE_MS)
    this.#at = now
    const packets = sentPackets - this.#packets
    if (packets < PACKETS_MIN) return this.#percent
    const again = (retransmits - this.#again + COUNTER) % COUNTER
    const latest = Math.min(100, (again / packets) * 100)
    this.#percent += (latest - this.#percent) * NEW_SHARE
    this.#packets = sentPackets
    this.#again = retransmits
    return this.#percent
  }
}
