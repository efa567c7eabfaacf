/** How fast bytes come, over the last seconds. */

const WINDOW_MS = 5000
const SAMPLES_MAX = 64

export class SpeedMeter {
  readonly #now: () => number
  readonly #samples: { at: number; bytes: number }[] = [] // at most SAMPLES_MAX

  constructor(now: () => number) {
    this.#now = now
  }

  /** `bytes`: all that is here now. Returns bytes per second; 0 until that can be told. */
  measured(bytes: number): number {
    const at = this.#now()
    const last = this.#samples.at(-1)
    if (last === undefined || at - last.at >= WINDOW_MS / SAMPLES_MAX) {
      this.#samples.push({ at, bytes })
    }
    while (this.#samples.length > SAMPLES_MAX || at - this.#samples[0]!.at > WINDOW_MS) {
      if (this.#samples.length === 1) break
      this.#samples.shift()
    }
    const first = this.#samples[0]!
    const seconds = (at - first.at) / 1000
    return seconds > 0 ? Math.max(0, (bytes - first.bytes) / seconds) : 0
  }
}
