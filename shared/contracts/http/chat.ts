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
import { MESSAGES_MAX, TEXT_CHARACTERS_MAX, Tool, ToolCall, TOOLS_MAX } from '../inference/chat.ts'
import { PartMedia } from '../inference/media.ts'
import { Asked } from '../inference/request.ts'
import { TOOL_CALLS_MAX } from '../inference/tool-calls-max.ts'

const PARTS_MAX = 1024

/**
 * Parts with text are text. Of the others a past turn keeps a word such as `[image]`. In the newest
 * turn they are refused, but for images and sounds, which a server behind a worker may take.
 */
const ContentPart = Type.Object({
  type: Type.Optional(Type.String({ maxLength: 64 })),
  text: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX })),
  refusal: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX })),
  /** An image or a sound, once its form was read. */
  media: Type.Optional(PartMedia)
})
export const Content = Type.Union([
  Type.String({ maxLength: TEXT_CHARACTERS_MAX }),
  Type.Array(ContentPart, { maxItems: PARTS_MAX })
])
export type Content = Static<typeof Content>

const HttpToolCall = Type.Object({
  id: ToolCall.properties.id,
  type: Type.Optional(Type.Literal('function')),
  function: Type.Object({
    name: ToolCall.properties.name,
    arguments: ToolCall.properties.arguments
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
  /** Of an assistant: what it thought. `reasoning` and `thinking` are read as well. */
  reasoning_content: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX })),
  tool_calls: Type.Optional(Type.Array(HttpToolCall, { maxItems: TOOL_CALLS_MAX })),
  tool_call_id: Type.Optional(ToolCall.properties.id)
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

/** Tools that other services run. They are left out, and a header of the reply names them. */
export const OtherTool = Type.Object({
  type: Type.String({ pattern: '^(?!function$).{1,64}$' })
})

const toolNames = Type.Object({ name: Type.String({ minLength: 1, maxLength: 128 }) })
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
    tools: Type.Optional(Type.Array(Type.Union([HttpTool, OtherTool]), { maxItems: TOOLS_MAX })),
    tool_choice: Type.Optional(HttpToolChoice),
    parallel_tool_calls: Type.Optional(Type.Boolean()),
    reasoning_effort: Asked.properties.reasoningEffort,
    chat_template_kwargs: Asked.properties.templateVariables,
    add_generation_prompt: Type.Optional(Type.Boolean()),
    continue_final_message: Type.Optional(
      Type.Union([Type.Boolean(), Type.Literal('content'), Type.Literal('reasoning_content')], {
        description:
          "Whether the answer continues the last message; it does if that is the assistant's."
      })
    ),
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
          reasoning: Type.Optional(
            Type.String({ description: 'The same under the name that vLLM and others have.' })
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
    system_fingerprint: Type.String({ description: 'The version of HAIF.' }),
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
          prompt_tokens_details: { cached_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 0 }
        },
        system_fingerprint: 'haif-0.1.0'
      }
    ]
  }
)
export type ChatReply = Static<typeof ChatReply>

const Delta = Type.Object({
  role: Type.Optional(Type.Literal('assistant')),
  content: Type.Optional(Type.String()),
  reasoning_content: Type.Optional(Type.String()),
  reasoning: Type.Optional(Type.String()),
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
  system_fingerprint: Type.String(),
  usage: Type.Optional(Type.Union([OpenAiUsage, Type.Null()]))
})
export type ChatChunk = Static<typeof ChatChunk>
