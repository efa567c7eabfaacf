/**
 * `POST /v1/completions`: prompts go to the model as they are, without a chat template.
 * https://platform.openai.com/docs/api-reference/completions
 */
import { Type, type Static } from 'typebox'
import { CHOICES_MAX, commonFields, MaxTokens, OpenAiUsage, samplingFields } from './openai.ts'
import { HttpResponseFormat } from './infer.ts'
import { MAX_TOKENS_MAX } from '../inference/answer.ts'
import { TEXT_CHARACTERS_MAX } from '../inference/chat.ts'

const LOGPROBS_MAX = 5
/** As in OpenAI's API. */
export const COMPLETION_MAX_TOKENS = 16

const PromptText = Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX })
const PromptTokens = Type.Array(Type.Integer({ minimum: 0 }), {
  minItems: 1,
  maxItems: MAX_TOKENS_MAX
})

export const CompletionBody = Type.Object(
  {
    ...commonFields,
    ...samplingFields,
    prompt: Type.Union(
      [
        PromptText,
        Type.Array(PromptText, { minItems: 1, maxItems: CHOICES_MAX }),
        PromptTokens,
        Type.Array(PromptTokens, { minItems: 1, maxItems: CHOICES_MAX })
      ],
      {
        description: 'A text, several, or the ids of the tokens of the model, or several of those.'
      }
    ),
    max_tokens: Type.Optional(
      Type.Integer({
        ...MaxTokens,
        minimum: 0,
        default: COMPLETION_MAX_TOKENS,
        description: 'With 0 there is no answer: for `echo` with `logprobs`.'
      })
    ),
    response_format: Type.Optional(HttpResponseFormat),
    best_of: Type.Optional(Type.Integer({ minimum: 1, maximum: CHOICES_MAX })),
    echo: Type.Optional(
      Type.Boolean({
        description: 'Put the prompt before the answer, with `logprobs` also those of its tokens.'
      })
    ),
    logprobs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: LOGPROBS_MAX, description: 'Likely tokens beside each.' })
    )
  },
  {
    title: 'Completion',
    description: 'A field that is null counts as absent; unknown fields are ignored.',
    examples: [{ model: 'haif-tiny', prompt: 'Once upon a time', max_tokens: 16 }]
  }
)
export type CompletionBody = Static<typeof CompletionBody>

const Logprobs = Type.Union([
  Type.Object({
    tokens: Type.Array(Type.String()),
    /** Null for the first token of a prompt, which follows nothing. */
    token_logprobs: Type.Array(Type.Union([Type.Number(), Type.Null()])),
    top_logprobs: Type.Array(Type.Union([Type.Record(Type.String(), Type.Number()), Type.Null()])),
    text_offset: Type.Array(Type.Integer())
  }),
  Type.Null()
])

/** The same for a whole reply and for the events of a stream, where `finish_reason` may be null. */
export const CompletionReply = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('text_completion'),
    created: Type.Integer(),
    model: Type.String(),
    choices: Type.Array(
      Type.Object({
        index: Type.Integer(),
        text: Type.String(),
        logprobs: Logprobs,
        finish_reason: Type.Union([Type.Literal('stop'), Type.Literal('length'), Type.Null()])
      })
    ),
    usage: Type.Optional(Type.Union([OpenAiUsage, Type.Null()])),
    system_fingerprint: Type.String(),
    explanations: Type.Optional(
      Type.Array(Type.Unknown(), { description: 'With `X-HAIF-Explain: 1`.' })
    )
  },
  { title: 'Completion' }
)
export type CompletionReply = Static<typeof CompletionReply>
