/** The options of `haif infer` and `haif chat` that say how to answer, and for how long. */
import type { Command } from 'commander'
import { DEFAULT_TEMPERATURE } from '#shared/contracts/http/infer.ts'
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import type { Sampling } from '#shared/contracts/inference/request.ts'
import { collect, decimalNumber, wholeNumber } from '../commands/options/options.ts'

/** A person reads the whole answer, so more than the 128 tokens of the HTTP default. */
const DEFAULT_MAX_TOKENS = 1024
const DEFAULT_TIMEOUT_S = 600
const TIMEOUT_S_MAX = 86_400
export const SEED_MAX = 4_294_967_295

export interface RequestOptions {
  model?: string
  maxTokens: number
  temperature: number
  topP?: number
  seed?: number
  stop?: string[]
  system?: string
  /** Seconds. */
  timeout: number
  topicKey?: string
}

export const addRequestOptions = (command: Command): Command =>
  addAnswerOptions(
    command.option('--model <name>', 'the model to ask (default: that of the mesh, a real one)')
  )

/** All but the model. */
export function addAnswerOptions(command: Command): Command {
  return command
    .option('--system <text>', 'what the model is told before everything else')
    .option(
      '--max-tokens <n>',
      'the longest answer, in tokens',
      wholeNumber(1, MAX_TOKENS_MAX),
      DEFAULT_MAX_TOKENS
    )
    .option(
      '--temperature <t>',
      '0: always the likeliest token',
      decimalNumber(0, 2),
      DEFAULT_TEMPERATURE
    )
    .option(
      '--top-p <p>',
      'choose among the likeliest tokens up to this share',
      decimalNumber(0, 1)
    )
    .option('--seed <n>', 'the same seed, the same choices', wholeNumber(0, SEED_MAX))
    .option('--stop <text>', 'a text that ends the answer; repeatable', collect)
    .option(
      '--timeout <seconds>',
      'the longest time for one answer',
      wholeNumber(1, TIMEOUT_S_MAX),
      DEFAULT_TIMEOUT_S
    )
    .option('--topic-key <key>', 'the mesh (HAIF_TOPIC_KEY; default: the last one used here)')
}

export function samplingOf({ temperature, topP, seed }: RequestOptions): Sampling {
  const sampling: Sampling = { temperature }
  if (topP !== undefined) sampling.topP = topP
  if (seed !== undefined) sampling.seed = seed
  return sampling
}
