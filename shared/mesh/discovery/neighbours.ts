/**
 * Connects the peers of one home without asking the DHT: their keys lie beside each other, and each
 * has a socket of this machine. So a machine serves itself while it has no network.
 */
import { backoffMs } from '#shared/kit/backoff.ts'

/** A peer that starts beside this one is met soon, and one that is off costs little. */
const AGAIN = { firstMs: 50, maxMs: 5000 }

interface NeighboursOptions {
  /** Public keys, hex, of all peers of the role that have run on this home: a few. */
  keys: () => Iterable<string>
  isConnected: (key: string) => boolean
  /** Connects over a socket of this machine; does nothing when the peer is not there. */
  dial: (publicKey: Buffer) => Promise<void>
  random: () => number
}

export class Neighbours {
  readonly #options: NeighboursOptions
  #timer: NodeJS.Timeout | null = null
  #rounds = 0
  #stopped = false

  constructor(options: NeighboursOptions) {
    this.#options = options
  }

  start(): void {
    void this.#round()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  async #round(): Promise<void> {
    const { keys, isConnected, dial, random } = this.#options
    const away = [...keys()].filter((key) => !isConnected(key))
    await Promise.allSettled(away.map((key) => dial(Buffer.from(key, 'hex'))))
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#round(), backoffMs(AGAIN, ++this.#rounds, random()))
  }
}
