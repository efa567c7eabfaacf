/**
 * Notices a process that hangs: one that is stopped, or waits for ever for a lock or a driver. It
 * neither ends nor says anything, so it is asked each second; its answer tells since when the
 * engine in it has been deaf.
 *
 * All is counted in beats and not by a clock, because a machine that has slept, or a worker that
 * was itself stopped, has asked for nothing meanwhile.
 */
export interface HangPolicy {
  beatMs: number
  /** Without an answer for so long it counts as hung, and is ended after so long. */
  silentMs: number
  silentMsMax: number
  /** The same for one step of the engine, at least; slow models get longer. */
  stepMs: number
  stepMsMax: number
}

/** A process that is only starved by others on the machine answers within these. */
export const HANG_POLICY: HangPolicy = {
  beatMs: 1000,
  silentMs: 4000,
  silentMsMax: 10_000,
  stepMs: 20_000,
  stepMsMax: 60_000
}

/** The most tokens of a prompt that one step reads. */
const STEP_TOKENS = 512
/** A step takes so many times as long as it should where others use the machine, and no longer. */
const SLOWER_MAX = 10

export class Heartbeat {
  readonly #policy: HangPolicy
  readonly #stepMs: number
  #silentBeats = 0
  #deafBeats = 0
  #deafSince = 0

  /** `prefillTokensPerSecond`: as it was measured when the model was loaded; 0: it was not. */
  constructor(policy: HangPolicy, prefillTokensPerSecond: number) {
    this.#policy = policy
    const expectedMs = prefillTokensPerSecond > 0 ? STEP_TOKENS_MS / prefillTokensPerSecond : 0
    this.#stepMs = Math.max(policy.stepMs, expectedMs * SLOWER_MAX)
  }

  /** The process is asked once more. */
  beat(): void {
    this.#silentBeats++
  }

  /** `deafSince`: a number that stays the same while the engine hears nothing; 0 while it hears. */
  answered(deafSince: number): void {
    this.#silentBeats = 0
    const isSame = deafSince !== 0 && deafSince === this.#deafSince
    this.#deafBeats = isSame ? this.#deafBeats + 1 : 0
    this.#deafSince = deafSince
  }

  /** In what it hangs; null while it does not. */
  get hung(): string | null {
    const { silentMs } = this.#policy
    const [silent, deaf] = [this.#ms(this.#silentBeats), this.#ms(this.#deafBeats)]
    if (silent >= silentMs) return `it has not answered for ${seconds(silent)}`
    return deaf >= this.#stepMs ? `it has been in one step for ${seconds(deaf)}` : null
  }

  /** It is not waited for any longer. */
  get isOver(): boolean {
    const { silentMsMax, stepMs, stepMsMax } = this.#policy
    const deafMsMax = (this.#stepMs / stepMs) * stepMsMax
    return this.#ms(this.#silentBeats) >= silentMsMax || this.#ms(this.#deafBeats) >= deafMsMax
  }

  #ms(beats: number): number {
    return beats * this.#policy.beatMs
  }
}

const STEP_TOKENS_MS = STEP_TOKENS * 1000
const seconds = (ms: number): string => `${ms < 1000 ? ms / 1000 : Math.round(ms / 1000)} s`
