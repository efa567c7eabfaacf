/** `logitBias` in the terms of the library, which leaves out what it does not take without a word. */
import { TokenBias, type LlamaModel } from 'node-llama-cpp'
import type { Sampling } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { unsupported } from '../../../unsupported.ts'
import { isToken } from '../tokens.ts'

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
