/** Translates sampling, stop texts and choices from OpenAI's names to ours. */
import type { Static, TSchema } from 'typebox'
import type { samplingFields } from '#shared/contracts/http/openai.ts'
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import type { Asked, Sampling } from '#shared/contracts/inference/request.ts'

type Optional<Fields> = {
  [Name in keyof Fields]?: Fields[Name] extends infer Field
    ? Static<Extract<Field, TSchema>>
    : never
}
type SamplingFields = Optional<typeof samplingFields>

/** Stands for as many tokens as the context holds, where a body sets no limit. */
export const NO_LIMIT = MAX_TOKENS_MAX

export function readSampling(body: SamplingFields): Sampling {
  const sampling: Sampling = {}
  if (body.temperature !== undefined) sampling.temperature = body.temperature
  if (body.top_p !== undefined) sampling.topP = body.top_p
  if (body.top_k !== undefined) sampling.topK = body.top_k
  if (body.min_p !== undefined) sampling.minP = body.min_p
  if (body.seed !== undefined) sampling.seed = toUint32(body.seed)
  if (body.repetition_penalty !== undefined) sampling.repeatPenalty = body.repetition_penalty
  if (body.frequency_penalty !== undefined) sampling.frequencyPenalty = body.frequency_penalty
  if (body.presence_penalty !== undefined) sampling.presencePenalty = body.presence_penalty
  if (body.logit_bias !== undefined && Object.keys(body.logit_bias).length > 0) {
    sampling.logitBias = body.logit_bias
  }
  return sampling
}

export function readStop(stop: string | string[] | undefined): string[] | undefined {
  if (stop === undefined || stop.length === 0) return undefined
  return typeof stop === 'string' ? [stop] : stop
}

/** Makes one request for each choice. Their seeds differ, or the answers would be alike. */
export function choicesOf(asked: Asked, n: number): Asked[] {
  const { seed } = asked.sampling
  return Array.from({ length: n }, (_, index) =>
    seed === undefined || index === 0
      ? asked
      : { ...asked, sampling: { ...asked.sampling, seed: toUint32(seed + index) } }
  )
}

/** Clients send 64-bit seeds; engines take 32 bits. */
const toUint32 = (seed: number): number => Number(BigInt.asUintN(32, BigInt(seed)))
