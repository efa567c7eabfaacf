/**
 * Sampling as the contract has it, in the terms of the library. The order there is: penalties, then
 * top-k, top-p, min-p, temperature.
 */
import { randomInt } from 'node:crypto'
import {
  TokenBias,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token
} from 'node-llama-cpp'
import type { Sampling } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { unsupported } from '../../../errors.ts'
import { isToken } from '../tokens.ts'

/** The defaults of llama.cpp's own server. */
const DEFAULTS = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 }

interface SampledAnswer {
  promptTokens: readonly Token[]
  /** Grows while the answer is written. */
  answerTokens: readonly Token[]
}

export function evaluateOptions(
  sampling: Sampling,
  answer: SampledAnswer
): SequenceEvaluateOptions {
  const penalty = repeatPenaltyOf(sampling, answer)
  return {
    temperature: sampling.temperature ?? DEFAULTS.temperature,
    topK: sampling.topK ?? DEFAULTS.topK,
    topP: sampling.topP ?? DEFAULTS.topP,
    minP: sampling.minP ?? DEFAULTS.minP,
    seed: seedOf(sampling.seed, answer.answerTokens.length),
    ...(penalty === null ? {} : { repeatPenalty: penalty }),
    // The end token is a token of the answer: a resume after it must end at once.
    yieldEogToken: true
  }
}

/**
 * Without a seed the library takes the second of the clock: two requests of one second would draw
 * the same, and the generator starts anew each second. The highest seed means "random" to
 * llama.cpp, so it is given another number. A resumed answer cannot go on in the middle of the
 * generator's row: it draws a row of its own, and the same one each time.
 */
function seedOf(seed: number | undefined, resumedTokens: number): number {
  if (seed === undefined) return randomInt(SEED_MAX)
  return (seed + resumedTokens * 7919) % SEED_MAX
}

const SEED_MAX = 4_294_967_295

/**
 * The library has one window of tokens for all three penalties. Frequency and presence count the
 * answer, as OpenAI's do; a repeat penalty alone looks at the last tokens of prompt and answer, as
 * llama.cpp's does.
 */
function repeatPenaltyOf(
  { repeatPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 }: Sampling,
  { promptTokens, answerTokens }: SampledAnswer
): NonNullable<SequenceEvaluateOptions['repeatPenalty']> | null {
  const ofAnswer = frequencyPenalty !== 0 || presencePenalty !== 0
  if (repeatPenalty === 1 && !ofAnswer) return null
  const window = ofAnswer ? ANSWER_WINDOW_TOKENS : REPEAT_WINDOW_TOKENS
  const fromPrompt = ofAnswer ? [] : promptTokens.slice(-window)
  return {
    penalty: repeatPenalty,
    frequencyPenalty,
    presencePenalty,
    maxPunishTokens: window,
    punishTokens: () => [...fromPrompt, ...answerTokens.slice(-window)].slice(-window)
  }
}

const REPEAT_WINDOW_TOKENS = 64
const ANSWER_WINDOW_TOKENS = 1024

/** `logitBias`, with an error for each token that the library would leave out in silence. */
export function tokenBiasOf(
  logitBias: NonNullable<Sampling['logitBias']>,
  model: LlamaModel,
  vocabularySize: number
): TokenBias {
  const bias = TokenBias.for(model)
  for (const [key, logit] of Object.entries(logitBias)) {
    const token = Number(key)
    if (!isToken(token, vocabularySize)) {
      throw new HaifError('VALIDATION_FAILED', `logitBias: the model has no token ${key}`, {
        details: { param: 'logitBias' }
      })
    }
    if (model.isEogToken(token)) {
      throw unsupported(
        'logitBias',
        `logitBias: token ${key} ends answers, and the llama engine cannot bias those`
      )
    }
    bias.set(token, { logit })
  }
  return bias
}
