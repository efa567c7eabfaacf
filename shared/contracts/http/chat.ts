/**
 * `POST /v1/chat/completions`. Unknown fields are ignored; what is known and cannot be done is
 * refused by the bridge or by the engine, with the name of the field.
 * https://platform.openai.com/docs/api-reference/chat
 */
import { Type, type Static } from 'typebox'
import { HttpResponseFormat } from './infer.ts'
import {
  Anything,
  commonFields,
  MaxTokens,
  OpenAiLogprob,
  OpenAiUsage,
  samplingFields
} from './openai.ts'
import {
  MESSAGES_MAX,
  TEXT_CHARACTERS_MAX,
  Tool,
  TOOL_CALLS_MAX,
  TOOLS_MAX
} from '../inference/chat.ts'
import { Asked } from '../inference/request.ts'

const PARTS_MAX = 1024

/** Only `text` (and `refusal`) can be read by the engines; others are refused. */
const ContentPart = Type.Object({
  type: Type.String({ maxLength: 64 }),
  text: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX })),
  refusal: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX }))
})
type ContentPart = Static<typeof ContentPart>

export const Content = Type.Union([
  Type.String({ maxLength: TEXT_CHARACTERS_MAX }),
  Type.Array(ContentPart, { maxItems: PARTS_MAX })
])
export type Content = Static<typeof Content>

const HttpToolCall = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128 }),
  type: Type.Optional(Type.Literal('function')),
  function: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 64 }),
    arguments: Type.String({ maxLength: TEXT_CHARACTERS_MAX })
  })
})

export const HttpChatMessage = Type.Object({
  role: Type.Union([
    Type.Literal('system'),
    Type.Literal('developer'),
    Type.Literal('user'),
    Type.Literal('assistant'),
    Type.Literal('tool')
  ]),
  content: Type.Optional(Content),
  tool_calls: Type.Optional(Type.Array(HttpToolCall, { maxItems: TOOL_CALLS_MAX })),
  tool_call_id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 }))
})
export type HttpChatMessage = Static<typeof HttpChatMessage>

const HttpTool = Type.Object({
  type: Type.Literal('function'),
  function: Type.Object({
    name: Tool.properties.name,
    description: Tool.properties.description,
    parameters: Tool.properties.parameters,
    strict: Type.Optional(Type.Boolean())
  })
})

const toolNames = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
export const HttpToolChoice = Type.Union([
  Type.Literal('none'),
  Type.Literal('auto'),
  Type.Literal('required'),
  Type.Object({ type: Type.Literal('function'), function: toolNames }),
  Type.Object({
    type: Type.Literal('allowed_tools'),
    allowed_tools: Type.Object({
      mode: Type.Union([Type.Literal('auto'), Type.Literal('required')]),
      tools: Type.Array(Type.Object({ type: Type.Literal('function'), function: toolNames }), {
        minItems: 1,
        maxItems: TOOLS_MAX
      })
    })
  })
])

export const ChatBody = Type.Object(
  {
    ...commonFields,
    ...samplingFields,
    messages: Type.Array(HttpChatMessage, { minItems: 1, maxItems: MESSAGES_MAX }),
    max_tokens: Type.Optional(MaxTokens),
    max_completion_tokens: Type.Optional(MaxTokens),
    logprobs: Type.Optional(Type.Boolean()),
    top_logprobs: Asked.properties.topLogprobs,
    response_format: Type.Optional(HttpResponseFormat),
    tools: Type.Optional(Type.Array(HttpTool, { maxItems: TOOLS_MAX })),
    tool_choice: Type.Optional(HttpToolChoice),
    parallel_tool_calls: Type.Optional(Type.Boolean()),
    reasoning_effort: Asked.properties.reasoningEffort,
    metadata: Type.Optional(Anything)
  },
  {
    title: 'Chat',
    description:
      'Without `max_tokens` or `max_completion_tokens` the answer may fill the context. A field that is null counts as absent; unknown fields are ignored.',
    examples: [{ model: 'haif-tiny', messages: [{ role: 'user', content: 'What is HAIF?' }] }]
  }
)
export type ChatBody = Static<typeof ChatBody>

export const ChatFinishReason = Type.Union([
  Type.Literal('stop'),
  Type.Literal('length'),
  Type.Literal('tool_calls')
])
export type ChatFinishReason = Static<typeof ChatFinishReason>

const Logprobs = Type.Union([
  Type.Object({ content: Type.Array(OpenAiLogprob), refusal: Type.Null() }),
  Type.Null()
])
const explanations = Type.Optional(
  Type.Array(Type.Unknown(), { description: 'With `X-HAIF-Explain: 1`.' })
)

export const ChatReply = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('chat.completion'),
    created: Type.Integer(),
    model: Type.String(),
    choices: Type.Array(
      Type.Object({
        index: Type.Integer(),
        message: Type.Object({
          role: Type.Literal('assistant'),
          content: Type.Union([Type.String(), Type.Null()]),
          refusal: Type.Null(),
          reasoning_content: Type.Optional(
            Type.String({ description: 'What the model thought before it answered.' })
          ),
          tool_calls: Type.Optional(
            Type.Array(
              Type.Object({
                id: Type.String(),
                type: Type.Literal('function'),
                function: Type.Object({ name: Type.String(), arguments: Type.String() })
              })
            )
          )
        }),
        logprobs: Logprobs,
        finish_reason: ChatFinishReason
      })
    ),
    usage: OpenAiUsage,
    explanations
  },
  {
    title: 'Chat completion',
    examples: [
      {
        id: 'chatcmpl-0b7c6a536a0b4a638f0e2f0d2f1c9a77',
        object: 'chat.completion',
        created: 1767225600,
        model: 'haif-tiny',
        choices: [
          {
            index: 0,
            message: {
              role: 'assistant',
              content: 'HAIF is one AI cloud from your own machines.',
              refusal: null
            },
            logprobs: null,
            finish_reason: 'stop'
          }
        ],
        usage: {
          prompt_tokens: 12,
          completion_tokens: 9,
          total_tokens: 21,
          prompt_tokens_details: { cached_tokens: 0 }
        }
      }
    ]
  }
)
export type ChatReply = Static<typeof ChatReply>

const Delta = Type.Object({
  role: Type.Optional(Type.Literal('assistant')),
  content: Type.Optional(Type.String()),
  reasoning_content: Type.Optional(Type.String()),
  tool_calls: Type.Optional(
    Type.Array(
      Type.Object({
        index: Type.Integer(),
        id: Type.Optional(Type.String()),
        type: Type.Optional(Type.Literal('function')),
        function: Type.Object({
          name: Type.Optional(Type.String()),
          arguments: Type.String()
        })
      })
    )
  )
})
export type ChatDelta = Static<typeof Delta>

/** Data of an event; the last one is `[DONE]`. */
export const ChatChunk = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion.chunk'),
  created: Type.Integer(),
  model: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      delta: Delta,
      logprobs: Logprobs,
      finish_reason: Type.Union([ChatFinishReason, Type.Null()])
    })
  ),
  usage: Type.Optional(Type.Union([OpenAiUsage, Type.Null()]))
})
export type ChatChunk = Static<typeof ChatChunk>
