/**
 * How likely the model held each token to be, in OpenAI's sense: before temperature and truncation.
 * The library reports probabilities after its chain of samplers, so they are the model's own only
 * where that chain changes nothing: at temperature 0, without penalties, bias and grammar.
 */
import type { TokenLogprob } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../../../engine.ts'
import { unsupported } from '../../../errors.ts'
import type { Token } from '../vocabulary.ts'

/** Throws unless the logprobs that are asked for would be the model's own. */
export function checkLogprobs(request: GenerateRequest): void {
  if (request.logprobs !== true) {
    if ((request.topLogprobs ?? 0) === 0) return
    throw new HaifError('VALIDATION_FAILED', 'topLogprobs needs logprobs', {
      details: { param: 'topLogprobs' }
    })
  }
  const distorting = distortion(request)
  if (distorting === null) return
  throw unsupported(
    'logprobs',
    'the llama engine knows logprobs only where it does not distort them: ' +
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

export function tokenLogprob(
  token: Token,
  probabilities: ReadonlyMap<Token, number>,
  topCount: number,
  textOf: (token: Token) => string
): TokenLogprob {
  const entry = ([id, probability]: readonly [Token, number]) => {
    return { tokenId: id, token: textOf(id), logprob: logOf(probability) }
  }
  const top = likeliest(probabilities, topCount).map(entry)
  return { ...entry([token, probabilities.get(token) ?? 0]), top }
}

/** OpenAI's value for the practically impossible; JSON has no infinity. */
const LOGPROB_MIN = -9999

const logOf = (probability: number): number =>
  probability > 0 ? Math.min(0, Math.log(probability)) : LOGPROB_MIN

/** Sorting a whole vocabulary for each token would cost more than computing it. */
function likeliest(probabilities: ReadonlyMap<Token, number>, count: number): [Token, number][] {
  const best: [Token, number][] = []
  if (count === 0) return best
  for (const [token, probability] of probabilities) {
    if (best.length === count && probability <= best.at(-1)![1]) continue
    const at = best.findIndex(([, other]) => probability > other)
    best.splice(at === -1 ? best.length : at, 0, [token, probability])
    if (best.length > count) best.pop()
  }
  return best
}
