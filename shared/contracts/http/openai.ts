/** What the bodies of OpenAI's endpoints have in common. */
import { Type, type Static } from 'typebox'
import { NativeInferBody } from './infer.ts'
import { MAX_TOKENS_MAX } from '../inference/answer.ts'
import { Sampling } from '../inference/request.ts'
import { ModelName } from '../inference/model-name.ts'

/** Answers to one HTTP request; as in OpenAI's API. */
export const CHOICES_MAX = 128

export const Anything = Type.Record(Type.String(), Type.Unknown())

/** Names and meaning as in OpenAI's API; `top_k`, `min_p` and `repetition_penalty` as in vLLM's. */
export const samplingFields = {
  temperature: Sampling.properties.temperature,
  top_p: Sampling.properties.topP,
  top_k: Sampling.properties.topK,
  min_p: Sampling.properties.minP,
  seed: Type.Optional(
    Type.Integer({
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The same seed gives the same answer, as far as the engine can.'
    })
  ),
  repetition_penalty: Sampling.properties.repeatPenalty,
  frequency_penalty: Sampling.properties.frequencyPenalty,
  presence_penalty: Sampling.properties.presencePenalty,
  logit_bias: Sampling.properties.logitBias
}

export const MaxTokens = Type.Integer({ minimum: 1, maximum: MAX_TOKENS_MAX })

export const commonFields = {
  model: Type.Optional(
    ModelName // absent: the mesh's default model
  ),
  stop: NativeInferBody.properties.stop,
  n: Type.Optional(Type.Integer({ minimum: 1, maximum: CHOICES_MAX, default: 1 })),
  stream: Type.Optional(Type.Boolean()),
  stream_options: Type.Optional(
    Type.Object({ include_usage: Type.Optional(Type.Boolean()) }, { description: 'With `stream`.' })
  ),
  user: Type.Optional(Type.String({ maxLength: 1024 }))
}

export const OpenAiUsage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({ cached_tokens: Type.Integer() }),
  completion_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() })
})
export type OpenAiUsage = Static<typeof OpenAiUsage>

const logprob = {
  token: Type.String(),
  logprob: Type.Number(),
  bytes: Type.Union([Type.Array(Type.Integer()), Type.Null()])
}
export const OpenAiLogprob = Type.Object({
  ...logprob,
  top_logprobs: Type.Array(Type.Object(logprob))
})
export type OpenAiLogprob = Static<typeof OpenAiLogprob>
