/**
 * Bounds how fast weights travel: by the owner's setting, and while this worker streams answers, so
 * that nobody's tokens wait for a file. Whoever is about to move bytes waits for its turn first.
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** While answers stream: about a twentieth of what a core encrypts. */
const BUSY_BYTES_PER_SECOND = 16e6
/** How far ahead of the rate a burst may run. */
const BURST_MS = 100

interface PaceOptions {
  /** The owner's bound; Infinity: none. */
  bytesPerSecond: number
  /** Whether this worker streams answers now. */
  isBusy: () => boolean
  now?: () => number
  wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

export class Pace {
  readonly #options: PaceOptions
  readonly #now: () => number
  readonly #wait: NonNullable<PaceOptions['wait']>
  /** When all that was let pass so far has had its time. */
  #paidUntil = -Infinity

  constructor(options: PaceOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#wait = options.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }))
  }

  /** Resolves when so many bytes may pass. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const { bytesPerSecond, isBusy } = this.#options
    const rate = Math.min(bytesPerSecond, isBusy() ? BUSY_BYTES_PER_SECOND : Infinity)
    if (rate === Infinity) return
    const now = this.#now()
    this.#paidUntil = Math.max(this.#paidUntil, now - BURST_MS) + (bytes / rate) * 1000
    const waitMs = this.#paidUntil - now
    if (waitMs > 0) await this.#wait(waitMs, signal)
  }
}
