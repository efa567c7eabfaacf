/** Measures how fast a server reads prompts and writes answers, by its answers. */
import type { Timings, Usage } from '#shared/contracts/inference/answer.ts'

const WEIGHT = 0.2
/** With fewer tokens the network would be measured. */
const PROMPT_TOKENS_MIN = 64
const ANSWER_TOKENS_MIN = 8

export class TokenRates {
  prefillTokensPerSecond = 0
  decodeTokensPerSecond = 0

  /** `resumedTokens` of the answer were written elsewhere, and only read here. */
  measured(usage: Usage, { prefillMs, decodeMs }: Timings, resumedTokens: number): void {
    const read = usage.promptTokens - usage.cachedPromptTokens + resumedTokens
    const written = usage.completionTokens - resumedTokens - 1 // the first ends the prefill
    if (read >= PROMPT_TOKENS_MIN && prefillMs > 0) {
      this.prefillTokensPerSecond = mean(this.prefillTokensPerSecond, (read / prefillMs) * 1000)
    }
    if (written >= ANSWER_TOKENS_MIN && decodeMs > 0) {
      this.decodeTokensPerSecond = mean(this.decodeTokensPerSecond, (written / decodeMs) * 1000)
    }
  }
}

const mean = (before: number, value: number): number =>
  before === 0 ? value : before + WEIGHT * (value - before)
