/**
 * `POST /v1/responses`, and what can be read of a response later.
 * https://platform.openai.com/docs/api-reference/responses
 */
import { Type, type Static } from 'typebox'
import { Content, OtherTool } from './chat.ts'
import { Anything, commonFields, MaxTokens, samplingFields } from './openai.ts'
import { MESSAGES_MAX, TEXT_CHARACTERS_MAX, Tool, TOOLS_MAX, ToolCall } from '../inference/chat.ts'
import { Asked } from '../inference/request.ts'

const Id = ToolCall.properties.id
const Name = Type.String({ minLength: 1, maxLength: 128 })

/**
 * One of several kinds, told apart by `type`; a message may leave it out. Kinds that only OpenAI's
 * own tools make are read as well as they can be.
 */
export const InputItem = Type.Object({
  type: Type.Optional(Type.String({ maxLength: 64 })),
  id: Type.Optional(Id),
  /** Of a message. */
  role: Type.Optional(
    Type.Union([
      Type.Literal('system'),
      Type.Literal('developer'),
      Type.Literal('user'),
      Type.Literal('assistant')
    ])
  ),
  content: Type.Optional(Content),
  /** Of a `function_call` and its `function_call_output`. */
  call_id: Type.Optional(Id),
  name: Type.Optional(ToolCall.properties.name),
  arguments: Type.Optional(ToolCall.properties.arguments),
  output: Type.Optional(Content)
})
export type InputItem = Static<typeof InputItem>

const FunctionTool = Type.Object({
  type: Type.Literal('function'),
  name: Tool.properties.name,
  description: Tool.properties.description,
  parameters: Tool.properties.parameters,
  strict: Type.Optional(Type.Boolean())
})

const NamedTool = Type.Object({ type: Type.Literal('function'), name: Name })
export const ResponsesToolChoice = Type.Union([
  Type.Literal('none'),
  Type.Literal('auto'),
  Type.Literal('required'),
  NamedTool,
  Type.Object({
    type: Type.Literal('allowed_tools'),
    mode: Type.Union([Type.Literal('auto'), Type.Literal('required')]),
    tools: Type.Array(NamedTool, { minItems: 1, maxItems: TOOLS_MAX })
  })
])
export type ResponsesToolChoice = Static<typeof ResponsesToolChoice>

export const TextFormat = Type.Union([
  Type.Object({ type: Type.Literal('text') }),
  Type.Object({ type: Type.Literal('json_object') }),
  Type.Object({
    type: Type.Literal('json_schema'),
    name: Name,
    schema: Anything,
    description: Type.Optional(Type.String({ maxLength: 65_536 })),
    strict: Type.Optional(Type.Boolean())
  })
])
export type TextFormat = Static<typeof TextFormat>

export const ResponsesBody = Type.Object(
  {
    model: commonFields.model,
    input: Type.Union([
      Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX }),
      Type.Array(InputItem, { minItems: 1, maxItems: MESSAGES_MAX })
    ]),
    instructions: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX })),
    previous_response_id: Type.Optional(Id),
    store: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Keep it for `GET` and `previous_response_id`, for a while, in memory.'
      })
    ),
    stream: commonFields.stream,
    background: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Go on when the client has gone; `GET` says how far it has come.'
      })
    ),
    max_output_tokens: Type.Optional(MaxTokens),
    ...samplingFields,
    top_logprobs: Asked.properties.topLogprobs,
    text: Type.Optional(Type.Object({ format: Type.Optional(TextFormat) })),
    tools: Type.Optional(
      Type.Array(Type.Union([FunctionTool, OtherTool]), { maxItems: TOOLS_MAX })
    ),
    tool_choice: Type.Optional(ResponsesToolChoice),
    parallel_tool_calls: Type.Optional(Type.Boolean()),
    max_tool_calls: Type.Optional(Type.Integer({ minimum: 1 })),
    reasoning: Type.Optional(Type.Object({ effort: Asked.properties.reasoningEffort })),
    include: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 32 })),
    metadata: Type.Optional(
      Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), {
        maxProperties: 16
      })
    ),
    user: commonFields.user,
    safety_identifier: Type.Optional(Type.String({ maxLength: 1024 })),
    prompt_cache_key: Type.Optional(Type.String({ maxLength: 1024 }))
  },
  {
    title: 'Response',
    description:
      'Without `max_output_tokens` the answer may fill the context. A field that is null counts as absent; unknown fields are ignored.',
    examples: [{ model: 'haif-tiny', input: 'What is HAIF?' }]
  }
)
export type ResponsesBody = Static<typeof ResponsesBody>

const nullable = <Schema extends Parameters<typeof Type.Optional>[0]>(schema: Schema) =>
  Type.Union([schema, Type.Null()])

const itemStatus = Type.Union([
  Type.Literal('in_progress'),
  Type.Literal('completed'),
  Type.Literal('incomplete')
])

export const OutputLogprob = Type.Object({
  token: Type.String(),
  bytes: Type.Array(Type.Integer()),
  logprob: Type.Number(),
  top_logprobs: Type.Array(
    Type.Object({
      token: Type.String(),
      bytes: Type.Array(Type.Integer()),
      logprob: Type.Number()
    })
  )
})
export type OutputLogprob = Static<typeof OutputLogprob>

export const OutputText = Type.Object({
  type: Type.Literal('output_text'),
  text: Type.String(),
  annotations: Type.Array(Type.Never()),
  logprobs: Type.Array(OutputLogprob)
})
export type OutputText = Static<typeof OutputText>

export const ReasoningText = Type.Object({
  type: Type.Literal('reasoning_text'),
  text: Type.String()
})
export type ReasoningText = Static<typeof ReasoningText>

export const OutputItem = Type.Union([
  Type.Object({
    type: Type.Literal('message'),
    id: Type.String(),
    status: itemStatus,
    role: Type.Literal('assistant'),
    content: Type.Array(OutputText)
  }),
  Type.Object({
    type: Type.Literal('reasoning'),
    id: Type.String(),
    status: itemStatus,
    summary: Type.Array(Type.Never()),
    content: Type.Array(ReasoningText)
  }),
  Type.Object({
    type: Type.Literal('function_call'),
    id: Type.String(),
    status: itemStatus,
    call_id: Type.String(),
    name: Type.String(),
    arguments: Type.String()
  })
])
export type OutputItem = Static<typeof OutputItem>

export const ResponseObject = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('response'),
    created_at: Type.Integer(),
    completed_at: nullable(Type.Integer()),
    status: Type.Union([
      Type.Literal('in_progress'),
      Type.Literal('completed'),
      Type.Literal('incomplete'),
      Type.Literal('failed'),
      Type.Literal('cancelled')
    ]),
    error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
    incomplete_details: nullable(Type.Object({ reason: Type.Literal('max_output_tokens') })),
    instructions: nullable(Type.String()),
    model: Type.String(),
    output: Type.Array(OutputItem),
    previous_response_id: nullable(Type.String()),
    store: Type.Boolean(),
    background: Type.Boolean(),
    truncation: Type.Literal('disabled'),
    max_output_tokens: nullable(Type.Integer()),
    max_tool_calls: nullable(Type.Integer()),
    temperature: Type.Number({ description: 'The one that was used.' }),
    top_p: Type.Number({ description: 'The one that was used.' }),
    presence_penalty: Type.Number(),
    frequency_penalty: Type.Number(),
    top_logprobs: Type.Integer(),
    parallel_tool_calls: Type.Boolean(),
    tool_choice: ResponsesToolChoice,
    tools: Type.Array(
      Type.Object({
        type: Type.Literal('function'),
        name: Type.String(),
        description: nullable(Type.String()),
        parameters: nullable(Anything),
        strict: Type.Boolean()
      })
    ),
    text: Type.Object({ format: TextFormat }),
    reasoning: Type.Object({ effort: nullable(Type.String()), summary: Type.Null() }),
    service_tier: Type.Literal('default'),
    metadata: Type.Record(Type.String(), Type.String()),
    user: nullable(Type.String()),
    safety_identifier: nullable(Type.String()),
    prompt_cache_key: nullable(Type.String()),
    access_programs: Type.Null(),
    usage: nullable(
      Type.Object({
        input_tokens: Type.Integer(),
        input_tokens_details: Type.Object({
          cached_tokens: Type.Integer(),
          cache_write_tokens: Type.Literal(0)
        }),
        output_tokens: Type.Integer(),
        output_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() }),
        total_tokens: Type.Integer()
      })
    ),
    explanations: Type.Optional(
      Type.Array(Type.Unknown(), { description: 'With `X-HAIF-Explain: 1`.' })
    )
  },
  { title: 'Response' }
)
export type ResponseObject = Static<typeof ResponseObject>

/** An input item, as it can be read later; which fields it has depends on its type. */
export const StoredItem = Type.Object(
  { type: Type.String(), id: Type.String() },
  { additionalProperties: Type.Unknown() }
)
export type StoredItem = Static<typeof StoredItem>

export const StoredItems = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(StoredItem),
  first_id: nullable(Type.String()),
  last_id: nullable(Type.String()),
  has_more: Type.Boolean()
})
export type StoredItems = Static<typeof StoredItems>

/** Data of an event whose name is its `type`; every type has fields of its own beside these. */
export const ResponseEvent = Type.Object(
  { type: Type.String(), sequence_number: Type.Integer({ minimum: 0 }) },
  { description: 'From `response.created` to `response.completed`, `.incomplete` or `.failed`.' }
)

export const DeletedResponse = Type.Object({
  id: Type.String(),
  object: Type.Literal('response'),
  deleted: Type.Literal(true)
})
