/**
 * The bodies of `POST /infer`: HAIF's own, and the strict one of the AI Runtime (`api_version`).
 */
import { Type, type Static } from 'typebox'
import { MESSAGES_MAX, TEXT_CHARACTERS_MAX, TextMessage } from '../inference/chat.ts'
import { Explanation } from '../inference/explanation.ts'
import { FinishReason, MAX_TOKENS_MAX } from '../inference/answer.ts'
import { Asked, Handling, Sampling } from '../inference/request.ts'
import { STOP_CHARACTERS_MAX, STOPS_MAX } from '../inference/stop-text.ts'
import { ModelName } from '../inference/model-name.ts'

export const DEFAULT_MAX_TOKENS = 128
export const DEFAULT_TEMPERATURE = 0.2
export const VERSIONED_MAX_TOKENS = 100
export const VERSIONED_TEMPERATURE = 0.7

const Text = (description: string) =>
  Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX, description })
const maxTokens = (value: number) =>
  Type.Integer({ minimum: 1, maximum: MAX_TOKENS_MAX, default: value })
const temperature = (value: number) => Type.Number({ minimum: 0, maximum: 2, default: value })
const StopText = Type.String({ minLength: 1, maxLength: STOP_CHARACTERS_MAX })

export const Mode = Type.Union([Type.Literal('direct'), Type.Literal('chat')], {
  default: 'chat',
  description: '`chat` applies the template of the model; `direct` sends the prompt as it is.'
})
export type Mode = Static<typeof Mode>

/** As in OpenAI's API. */
export const HttpResponseFormat = Type.Union(
  [
    Type.Object({ type: Type.Literal('text') }),
    Type.Object({ type: Type.Literal('json_object') }),
    Type.Object({
      type: Type.Literal('json_schema'),
      json_schema: Type.Object({ schema: Type.Record(Type.String(), Type.Unknown()) })
    })
  ],
  { description: 'The form of the answer: any JSON object, or one that a JSON Schema describes.' }
)
export type HttpResponseFormat = Static<typeof HttpResponseFormat>

export const NativeInferBody = Type.Object(
  {
    prompt: Type.Optional(Text('What to answer; in `chat` mode one message of the user.')),
    input: Type.Optional(Text('Another name for `prompt`.')),
    messages: Type.Optional(
      Type.Array(TextMessage, { minItems: 1, maxItems: MESSAGES_MAX, description: 'A whole chat.' })
    ),
    model: Type.Optional(ModelName),
    mode: Type.Optional(Mode),
    max_tokens: Type.Optional(maxTokens(DEFAULT_MAX_TOKENS)),
    temperature: Type.Optional(temperature(DEFAULT_TEMPERATURE)),
    top_p: Sampling.properties.topP,
    top_k: Sampling.properties.topK,
    min_p: Sampling.properties.minP,
    seed: Sampling.properties.seed,
    frequency_penalty: Sampling.properties.frequencyPenalty,
    presence_penalty: Sampling.properties.presencePenalty,
    repeat_penalty: Sampling.properties.repeatPenalty,
    stop: Type.Optional(
      Type.Union([StopText, Type.Array(StopText, { maxItems: STOPS_MAX })], {
        description: 'Texts that end the answer; they are not part of it.'
      })
    ),
    logit_bias: Sampling.properties.logitBias,
    response_format: Type.Optional(HttpResponseFormat),
    stream: Type.Optional(
      Type.Boolean({
        description: 'Server-sent events; `Accept: text/event-stream` does the same.'
      })
    ),
    priority: Handling.properties.priority,
    labels: Asked.properties.labels,
    continue_final_message: Type.Optional(
      Type.Boolean({
        description:
          'Continues the last message of `messages`, which is the beginning of the answer: the ' +
          'reply has what comes after it.'
      })
    ),
    tenant_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'Who is charged and limited.' })
    )
  },
  {
    title: 'Native',
    description: 'Exactly one of `prompt`, `input` and `messages`. Unknown fields are ignored.',
    examples: [{ prompt: 'What is HAIF?', max_tokens: 64, temperature: 0.2 }]
  }
)
export type NativeInferBody = Static<typeof NativeInferBody>

export const VersionedInferBody = Type.Object(
  {
    api_version: Type.Literal('v1'),
    prompt: Text('What to answer.'),
    max_tokens: Type.Optional(maxTokens(VERSIONED_MAX_TOKENS)),
    temperature: Type.Optional(temperature(VERSIONED_TEMPERATURE))
  },
  {
    title: 'Versioned',
    description: 'Strict: another version or an unknown field is refused with 422.',
    additionalProperties: false,
    examples: [{ api_version: 'v1', prompt: 'What is HAIF?' }]
  }
)
export type VersionedInferBody = Static<typeof VersionedInferBody>

export type InferBody = NativeInferBody | VersionedInferBody

export const HttpUsage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({
    cached_tokens: Type.Integer({ description: 'Found in a cache, so not computed again.' })
  })
})
export type HttpUsage = Static<typeof HttpUsage>

const summary = {
  model: Type.String(),
  max_tokens: Type.Integer(),
  mode: Mode,
  provider: Type.String({ description: 'The engine that answered: `llama`, `openai` or `sim`.' }),
  request_id: Type.String(),
  usage: HttpUsage,
  finish_reason: FinishReason,
  explanations: Type.Optional(
    Type.Array(Explanation, {
      description: 'With `X-HAIF-Explain: 1`: why each worker was chosen, times in milliseconds.'
    })
  )
}
const exampleSummary = {
  model: 'haif-tiny',
  max_tokens: 64,
  mode: 'chat',
  provider: 'llama',
  request_id: '0b7c6a53-6a0b-4a63-8f0e-2f0d2f1c9a77',
  usage: {
    prompt_tokens: 12,
    completion_tokens: 9,
    total_tokens: 21,
    prompt_tokens_details: { cached_tokens: 0 }
  },
  finish_reason: 'stop'
}

export const NativeInferReply = Type.Object(
  {
    ...summary,
    output: Type.String(),
    reasoning: Type.Optional(
      Type.String({ description: 'What the model thought before it answered.' })
    )
  },
  {
    title: 'Native',
    examples: [{ ...exampleSummary, output: 'HAIF is one AI cloud from your own machines.' }]
  }
)
export type NativeInferReply = Static<typeof NativeInferReply>

export const VersionedInferReply = Type.Object(
  { api_version: Type.Literal('v1'), text: Type.String(), request_id: Type.String() },
  { title: 'Versioned' }
)
export type VersionedInferReply = Static<typeof VersionedInferReply>

/** Data of an `event: token`. */
export const TokenEvent = Type.Object({
  text: Type.String(),
  reasoning: Type.Optional(Type.String({ description: 'Thought, and not part of the answer.' })),
  index: Type.Integer({ minimum: 0, description: 'Place of its first token in the answer.' })
})
export type TokenEvent = Static<typeof TokenEvent>

/** Data of an `event: queued`, for those who send `X-HAIF-Queue: 1`. */
export const QueuedEvent = Type.Object({
  ahead: Type.Integer({ minimum: 0, description: 'Requests that are served before this one.' }),
  wait_ms: Type.Number({ minimum: 0, description: 'The expected wait.' }),
  loading: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'A worker loads the model for this request, and is so far with it.'
    })
  )
})
export type QueuedEvent = Static<typeof QueuedEvent>

/** Data of the `event: done` that ends a stream. */
export const DoneEvent = Type.Object({
  ...summary,
  timings: Type.Object({
    queue_ms: Type.Number(),
    prefill_ms: Type.Number(),
    decode_ms: Type.Number()
  }),
  attempts: Type.Integer({ description: 'Workers it took.' }),
  worker: Type.Optional(Type.String({ description: 'Public key of the worker that answered.' }))
})
export type DoneEvent = Static<typeof DoneEvent>
