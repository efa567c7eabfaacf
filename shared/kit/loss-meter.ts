/**
 * The loss of a connection, from two counters of its transport: packets sent, and packets sent
 * again. Over a window, because what was lost an hour ago says nothing of now.
 */

/** Fewer packets are no sample: one that is lost would look like a broken line. */
const PACKETS_MIN = 50
/** The transport counts what it sent again in 16 bits. */
const COUNTER = 2 ** 16
/** How much the latest window counts. */
const NEW_SHARE = 0.5

export class LossMeter {
  #packets = 0
  #again = 0
  #percent = 0

  /** Takes the counters as they are now; returns the loss in percent. */
  percent(sentPackets: number, retransmits: number): number {
    const packets = sentPackets - this.#packets
    if (packets < PACKETS_MIN) return this.#percent
    const again = (retransmits - this.#again + COUNTER) % COUNTER
    const latest = Math.min(100, (again / packets) * 100)
    const isFirst = this.#packets === 0
    this.#percent = isFirst ? latest : this.#percent + (latest - this.#percent) * NEW_SHARE
    this.#packets = sentPackets
    this.#again = retransmits
    return this.#percent
  }
}
