/**
 * The costs of past steps: the speeds that the worker reports, and the basis of the next step's
 * prompt budget. They are moving averages, so that a model which shares its machine follows the
 * load.
 */
import type { DecodeStepMs, Rates } from '../../messages.ts'

export interface Step {
  ms: number
  /** Answers that got a token. */
  decoding: number
  promptTokens: number
}

export class StepRates {
  #prefill: number
  #decode: number
  /** Has the number of answers as key, because a step of 8 costs less than eight steps of 1. */
  readonly #decodeStepMs: Map<number, number>

  constructor(measuredAtLoad: { rates: Rates; decodeSteps: readonly DecodeStepMs[] }) {
    this.#prefill = measuredAtLoad.rates.prefill
    this.#decode = measuredAtLoad.rates.decode
    this.#decodeStepMs = new Map(measuredAtLoad.decodeSteps)
  }

  record(step: Step): void {
    if (step.promptTokens === 0) {
      if (step.decoding === 0 || step.ms <= 0) return
      const known = this.#decodeStepMs.get(step.decoding)
      // A single step that the machine was busy with something else in says little.
      const ms = known === undefined ? step.ms : Math.min(step.ms, known * SPIKE_FACTOR)
      this.#decodeStepMs.set(step.decoding, blend(known, ms))
      this.#decode = blend(this.#decode, (step.decoding / step.ms) * 1000)
      return
    }
    const promptMs = step.ms - this.decodeStepMs(step.decoding)
    // The time of one token is that of the weights, not of reading.
    if (step.promptTokens < PROMPT_TOKENS_MIN || promptMs <= 0) return
    this.#prefill = blend(this.#prefill, (step.promptTokens / promptMs) * 1000)
  }

  /** The duration of a step with `decoding` answers, interpolated between known numbers. */
  decodeStepMs(decoding: number): number {
    let below: DecodeStepMs | null = null
    let above: DecodeStepMs | null = null
    for (const [count, ms] of this.#decodeStepMs) {
      if (count <= decoding && (below === null || count > below[0])) below = [count, ms]
      if (count >= decoding && (above === null || count < above[0])) above = [count, ms]
    }
    if (decoding === 0 || (below === null && above === null)) return 0
    if (below === null || above === null) return (below ?? above)![1]
    if (below[0] === above[0]) return below[1]
    const share = (decoding - below[0]) / (above[0] - below[0])
    return below[1] + share * (above[1] - below[1])
  }

  get rates(): Rates {
    return { prefill: round(this.#prefill), decode: round(this.#decode) }
  }
}

const WEIGHT = 0.1
const SPIKE_FACTOR = 3
const PROMPT_TOKENS_MIN = 2

function blend(known: number | undefined, measured: number): number {
  return known === undefined || known === 0 ? measured : known + WEIGHT * (measured - known)
}

function round(rate: number): number {
  return Math.round(rate * 10) / 10
}
