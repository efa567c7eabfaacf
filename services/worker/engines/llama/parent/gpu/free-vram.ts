/**
 * The memory that is free on NVIDIA's cards now. The driver is asked in the background when a look
 * is old, so whoever reports never waits for it.
 */
import type { NvidiaGpu } from './nvidia.ts'

const FRESH_MS = 3000

export class FreeVram {
  readonly #look: () => Promise<readonly NvidiaGpu[]>
  readonly #clock: () => number
  #freeBytes: number | null = null
  #lookedAt = -Infinity

  constructor(look: () => Promise<readonly NvidiaGpu[]>, clock = () => performance.now()) {
    this.#look = look
    this.#clock = clock
  }

  /** Null until the driver has answered, and where it never does. */
  now(): number | null {
    if (this.#clock() - this.#lookedAt >= FRESH_MS) {
      this.#lookedAt = this.#clock()
      void this.#refresh()
    }
    return this.#freeBytes
  }

  async #refresh(): Promise<void> {
    const gpus = await this.#look()
    if (gpus.length > 0) this.#freeBytes = gpus.reduce((sum, { freeBytes }) => sum + freeBytes, 0)
  }
}
