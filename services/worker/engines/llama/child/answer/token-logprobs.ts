/**
 * How likely the model held each token to be, in OpenAI's sense: before temperature and truncation.
 * A driver that sees only what its samplers leave knows this only where they change nothing: at
 * temperature 0, without penalties, bias and grammar.
 */
import type { PromptToken, TokenLogprob } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../../../engine.ts'
import { unsupported } from '../../../errors.ts'
import type { Drawn, LikelyToken, Scored } from '../driver.ts'
import type { Token } from '../vocabulary.ts'

/** Throws unless the logprobs that are asked for would be the model's own. */
export function checkLogprobs(request: GenerateRequest, seesLogits: boolean): void {
  if (request.promptLogprobs === true && !seesLogits) {
    throw unsupported('promptLogprobs', "this worker's engine does not know those of prompts")
  }
  if (request.logprobs !== true) {
    const param = request.promptLogprobs === true ? 'promptLogprobs' : 'topLogprobs'
    if (param === 'topLogprobs' && (request.topLogprobs ?? 0) === 0) return
    throw new HaifError('VALIDATION_FAILED', `${param} needs logprobs`, { details: { param } })
  }
  const distorting = seesLogits ? null : distortion(request)
  if (distorting === null) return
  throw unsupported(
    'logprobs',
    "this worker's engine knows logprobs only where it does not distort them: " +
      `leave out ${distorting}, or logprobs`
  )
}

function distortion({ sampling, responseFormat }: GenerateRequest): string | null {
  const { temperature, repeatPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 } = sampling
  if (temperature !== 0) return 'temperature (it must be 0)'
  if (repeatPenalty !== 1) return 'repeatPenalty'
  if (frequencyPenalty !== 0) return 'frequencyPenalty'
  if (presencePenalty !== 0) return 'presencePenalty'
  if (Object.keys(sampling.logitBias ?? {}).length > 0) return 'logitBias'
  return responseFormat === undefined ? null : 'responseFormat'
}

/** Null where the driver was not asked for it. */
export function tokenLogprob(
  { token, logprob, top = [] }: Drawn,
  textOf: (token: Token) => string
): TokenLogprob | null {
  if (logprob === undefined) return null
  const [own, ...likely] = entriesOf([[token, logprob], ...top], textOf)
  return { ...own!, top: likely }
}

/** A token of the prompt; nothing is known of the first one. */
export function promptToken(
  token: Token,
  score: Scored | null,
  textOf: (token: Token) => string
): PromptToken {
  if (score === null) return { tokenId: token, token: textOf(token), logprob: null, top: [] }
  const [own, ...top] = entriesOf([[token, score.logprob], ...score.top], textOf)
  return { ...own!, top }
}

const entriesOf = (tokens: readonly LikelyToken[], textOf: (token: Token) => string) =>
  tokens.map(([id, value]) => ({ tokenId: id, token: textOf(id), logprob: bounded(value) }))

/** OpenAI's value for the practically impossible; JSON has no infinity. */
const LOGPROB_MIN = -9999

const bounded = (logprob: number): number => Math.min(0, Math.max(LOGPROB_MIN, logprob))
