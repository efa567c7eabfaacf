/**
 * `POST /v1/messages` and `/v1/messages/count_tokens`, as Anthropic's SDKs send and read them.
 * Unknown fields are ignored; what is known and cannot be done is refused with its name.
 * https://docs.anthropic.com/en/api/messages
 */
import { Type, type Static } from 'typebox'
import { MESSAGES_MAX, TEXT_CHARACTERS_MAX, Tool, TOOLS_MAX } from '../inference/chat.ts'
import { ModelName } from '../inference/model-name.ts'
import { Sampling } from '../inference/request.ts'
import { STOP_CHARACTERS_MAX, STOPS_MAX } from '../inference/stop-text.ts'
import { Anything, MaxTokens } from './openai.ts'

const BLOCKS_MAX = 4096

/** A block of content; which fields it has depends on its type. */
const Block = Type.Object(
  { type: Type.String({ maxLength: 64 }) },
  { additionalProperties: Type.Unknown() }
)
export type Block = Static<typeof Block>

const Text = Type.String({ maxLength: TEXT_CHARACTERS_MAX })

const Message = Type.Object({
  role: Type.Union([Type.Literal('user'), Type.Literal('assistant'), Type.Literal('system')]),
  content: Type.Union([Text, Type.Array(Block, { maxItems: BLOCKS_MAX })])
})

const SystemBlock = Type.Object({ type: Type.Literal('text'), text: Text })

/** A tool that the client runs. */
const CustomTool = Type.Object({
  type: Type.Optional(Type.Literal('custom')),
  name: Tool.properties.name,
  description: Tool.properties.description,
  input_schema: Tool.properties.parameters,
  strict: Type.Optional(Type.Boolean())
})
/** Tools that Anthropic runs or knows. They are left out, and a header of the reply names them. */
const VendorTool = Type.Object({ type: Type.String({ pattern: '^(?!custom$).{1,64}$' }) })

const OneAtATime = { disable_parallel_tool_use: Type.Optional(Type.Boolean()) }
const ToolChoice = Type.Union([
  Type.Object({ type: Type.Literal('auto'), ...OneAtATime }),
  Type.Object({ type: Type.Literal('any'), ...OneAtATime }),
  Type.Object({ type: Type.Literal('none') }),
  Type.Object({
    type: Type.Literal('tool'),
    name: Type.String({ minLength: 1, maxLength: 128 }),
    ...OneAtATime
  })
])

/** With `omitted` there are blocks of thoughts, and they are empty. */
const Display = Type.Optional(Type.String({ maxLength: 32 }))
const Thinking = Type.Union([
  Type.Object({ type: Type.Literal('disabled') }),
  Type.Object({ type: Type.Literal('adaptive'), display: Display }),
  Type.Object({
    type: Type.Literal('enabled'),
    display: Display,
    budget_tokens: Type.Optional(Type.Integer({ minimum: 1 }))
  })
])

const OutputFormat = Type.Object({ type: Type.Literal('json_schema'), schema: Anything })
const OutputConfig = Type.Object({
  effort: Type.Optional(Type.String({ maxLength: 32 })),
  format: Type.Optional(OutputFormat)
})

/** What an answer depends on, and so what is counted. */
const prompt = {
  model: ModelName,
  messages: Type.Array(Message, { minItems: 1, maxItems: MESSAGES_MAX }),
  system: Type.Optional(Type.Union([Text, Type.Array(SystemBlock, { maxItems: BLOCKS_MAX })])),
  tools: Type.Optional(Type.Array(Type.Union([CustomTool, VendorTool]), { maxItems: TOOLS_MAX })),
  tool_choice: Type.Optional(ToolChoice),
  thinking: Type.Optional(Thinking),
  output_config: Type.Optional(OutputConfig),
  /** The name that `output_config.format` had first. */
  output_format: Type.Optional(OutputFormat)
}

export const CountTokensBody = Type.Object(prompt, {
  title: 'Prompt to count',
  examples: [{ model: 'haif-tiny', messages: [{ role: 'user', content: 'What is HAIF?' }] }]
})
export type CountTokensBody = Static<typeof CountTokensBody>

export const CountTokensReply = Type.Object({ input_tokens: Type.Integer() })
export type CountTokensReply = Static<typeof CountTokensReply>

export const MessagesBody = Type.Object(
  {
    ...prompt,
    max_tokens: MaxTokens,
    temperature: Sampling.properties.temperature,
    top_p: Sampling.properties.topP,
    top_k: Sampling.properties.topK,
    stop_sequences: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: STOP_CHARACTERS_MAX }), {
        maxItems: STOPS_MAX
      })
    ),
    stream: Type.Optional(Type.Boolean())
  },
  {
    title: 'Message',
    description:
      'A field that is null counts as absent; unknown fields are ignored. Without `thinking` ' +
      'the reply has no thoughts, also where the model cannot help thinking.',
    examples: [
      {
        model: 'haif-tiny',
        max_tokens: 64,
        messages: [{ role: 'user', content: 'What is HAIF?' }]
      }
    ]
  }
)
export type MessagesBody = Static<typeof MessagesBody>

const TextBlock = Type.Object({
  type: Type.Literal('text'),
  text: Type.String(),
  citations: Type.Null()
})
const ThinkingBlock = Type.Object({
  type: Type.Literal('thinking'),
  thinking: Type.String(),
  signature: Type.String({ description: 'Says nothing here: thoughts are taken back unsigned.' })
})
const ToolUseBlock = Type.Object({
  type: Type.Literal('tool_use'),
  id: Type.String(),
  name: Type.String(),
  input: Type.Unknown()
})
export const ReplyBlock = Type.Union([TextBlock, ThinkingBlock, ToolUseBlock])
export type ReplyBlock = Static<typeof ReplyBlock>

export const StopReason = Type.Union([
  Type.Literal('end_turn'),
  Type.Literal('max_tokens'),
  Type.Literal('stop_sequence'),
  Type.Literal('tool_use')
])
export type StopReason = Static<typeof StopReason>

export const MessageUsage = Type.Object({
  input_tokens: Type.Integer({ description: 'Of the prompt, without those found in a cache.' }),
  output_tokens: Type.Integer(),
  cache_creation_input_tokens: Type.Integer(),
  cache_read_input_tokens: Type.Integer()
})
export type MessageUsage = Static<typeof MessageUsage>

export const MessageReply = Type.Object(
  {
    id: Type.String(),
    type: Type.Literal('message'),
    role: Type.Literal('assistant'),
    model: Type.String(),
    content: Type.Array(ReplyBlock),
    stop_reason: Type.Union([StopReason, Type.Null()]),
    stop_sequence: Type.Union([Type.String(), Type.Null()]),
    usage: MessageUsage
  },
  { title: 'Message reply' }
)
export type MessageReply = Static<typeof MessageReply>

export const AnthropicErrorBody = Type.Object({
  type: Type.Literal('error'),
  error: Type.Object({
    type: Type.Union([
      Type.Literal('invalid_request_error'),
      Type.Literal('authentication_error'),
      Type.Literal('permission_error'),
      Type.Literal('not_found_error'),
      Type.Literal('request_too_large'),
      Type.Literal('rate_limit_error'),
      Type.Literal('timeout_error'),
      Type.Literal('overloaded_error'),
      Type.Literal('api_error')
    ]),
    message: Type.String()
  }),
  request_id: Type.String()
})
export type AnthropicErrorBody = Static<typeof AnthropicErrorBody>

/** Data of an event of a stream; `event:` equals `type`. */
export const MessageEvent = Type.Union([
  Type.Object({ type: Type.Literal('message_start'), message: MessageReply }),
  Type.Object({
    type: Type.Literal('content_block_start'),
    index: Type.Integer(),
    content_block: ReplyBlock
  }),
  Type.Object({ type: Type.Literal('ping') }),
  Type.Object({
    type: Type.Literal('content_block_delta'),
    index: Type.Integer(),
    delta: Type.Union([
      Type.Object({ type: Type.Literal('text_delta'), text: Type.String() }),
      Type.Object({ type: Type.Literal('thinking_delta'), thinking: Type.String() }),
      Type.Object({ type: Type.Literal('signature_delta'), signature: Type.String() }),
      Type.Object({ type: Type.Literal('input_json_delta'), partial_json: Type.String() })
    ])
  }),
  Type.Object({ type: Type.Literal('content_block_stop'), index: Type.Integer() }),
  Type.Object({
    type: Type.Literal('message_delta'),
    delta: Type.Object({
      stop_reason: StopReason,
      stop_sequence: Type.Union([Type.String(), Type.Null()])
    }),
    usage: MessageUsage
  }),
  Type.Object({ type: Type.Literal('message_stop') }),
  AnthropicErrorBody
])
export type MessageEvent = Static<typeof MessageEvent>
