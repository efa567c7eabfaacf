/**
 * Sampling as the contract has it, in the terms of llama.cpp. The order there is: penalties, then
 * top-k, top-p, min-p, temperature.
 */
import { randomInt } from 'node:crypto'
import type { Sampling } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { unsupported } from '../../../errors.ts'
import { SAMPLING_DEFAULTS } from '../../defaults.ts'
import { isToken } from '../tokens.ts'
import type { Token, Vocabulary } from '../vocabulary.ts'

export function truncationOf(sampling: Sampling): typeof SAMPLING_DEFAULTS {
  return {
    temperature: sampling.temperature ?? SAMPLING_DEFAULTS.temperature,
    topK: sampling.topK ?? SAMPLING_DEFAULTS.topK,
    topP: sampling.topP ?? SAMPLING_DEFAULTS.topP,
    minP: sampling.minP ?? SAMPLING_DEFAULTS.minP
  }
}

/**
 * Without a seed the library takes the second of the clock: two requests of one second would draw
 * the same, and the generator starts anew each second. The highest seed means "random" to
 * llama.cpp, so it is given another number. A resumed answer cannot go on in the middle of the
 * generator's row: it draws a row of its own, and the same one each time.
 */
export function seedOf(seed: number | undefined, resumedTokens: number): number {
  if (seed === undefined) return randomInt(SEED_MAX)
  return (seed + resumedTokens * 7919) % SEED_MAX
}

const SEED_MAX = 4_294_967_295

interface Penalties {
  repeat: number
  frequency: number
  presence: number
  /** The number of last tokens that are penalised. */
  window: number
  /** True when the window reaches back into the prompt. */
  countsPrompt: boolean
}

/**
 * llama.cpp has one window of tokens for all three penalties. Frequency and presence count the
 * answer, as OpenAI's do; a repeat penalty alone looks at the last tokens of prompt and answer, as
 * llama.cpp's does.
 */
export function penaltiesOf({
  repeatPenalty: repeat = 1,
  frequencyPenalty: frequency = 0,
  presencePenalty: presence = 0
}: Sampling): Penalties | null {
  const countsPrompt = frequency === 0 && presence === 0
  if (repeat === 1 && countsPrompt) return null
  const window = countsPrompt ? REPEAT_WINDOW_TOKENS : ANSWER_WINDOW_TOKENS
  return { repeat, frequency, presence, window, countsPrompt }
}

const REPEAT_WINDOW_TOKENS = 64
const ANSWER_WINDOW_TOKENS = 1024

/** `logitBias` by tokens, with an error for each that would be left out in silence. */
export function biasOf(
  { logitBias = {} }: Sampling,
  vocabulary: Vocabulary,
  { endTokens }: { endTokens: boolean }
): ReadonlyMap<Token, number> {
  const bias = new Map<Token, number>()
  for (const [key, logit] of Object.entries(logitBias)) {
    const token = Number(key)
    if (!isToken(token, vocabulary.size)) {
      throw new HaifError('VALIDATION_FAILED', `logitBias: the model has no token ${key}`, {
        details: { param: 'logitBias' }
      })
    }
    if (!endTokens && vocabulary.isEog(token)) {
      throw unsupported(
        'logitBias',
        `logitBias: token ${key} ends answers, and this worker's engine cannot bias those`
      )
    }
    bias.set(token, logit)
  }
  return bias
}
