/** What a conversation with a model is made of: messages, tools, and calls of them. */
import { Type, type Static } from 'typebox'

/**
 * Characters of one prompt or message; the HTTP body is at most 1 MiB, so this never bites first.
 */
export const TEXT_CHARACTERS_MAX = 1_048_576
export const MESSAGES_MAX = 1024
export const TOOLS_MAX = 128
export const TOOL_CALLS_MAX = 128

/** A call that the model asks for. `arguments` is the JSON text that it wrote. */
export const ToolCall = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128 }),
  name: Type.String({ minLength: 1, maxLength: 64 }),
  arguments: Type.String({ maxLength: TEXT_CHARACTERS_MAX })
})
export type ToolCall = Static<typeof ToolCall>

/** A message of a chat without tools. */
export const TextMessage = Type.Object({
  role: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('assistant')]),
  content: Type.String({ maxLength: TEXT_CHARACTERS_MAX })
})

export const ChatMessage = Type.Object({
  role: Type.Union([TextMessage.properties.role, Type.Literal('tool')]),
  content: Type.String({ maxLength: TEXT_CHARACTERS_MAX }),
  /** Of an assistant: what it asked for in this turn. */
  toolCalls: Type.Optional(Type.Array(ToolCall, { maxItems: TOOL_CALLS_MAX })),
  /** Of a tool: the call that this is the result of. */
  toolCallId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 }))
})
export type ChatMessage = Static<typeof ChatMessage>

/**
 * A function that the model may ask to have called. `parameters` is a JSON Schema of its arguments.
 */
export const Tool = Type.Object({
  name: Type.String({ pattern: '^[a-zA-Z0-9_-]{1,64}$' }),
  description: Type.Optional(Type.String({ maxLength: 65_536 })),
  parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /**
   * Whether the arguments must fit; otherwise a schema that the engine cannot keep only describes.
   */
  strict: Type.Optional(Type.Boolean())
})
export type Tool = Static<typeof Tool>

/**
 * `required`: at least one call. With a name: a call of that tool. Absent: `auto` when there are
 * tools.
 */
export const ToolChoice = Type.Union([
  Type.Literal('auto'),
  Type.Literal('none'),
  Type.Literal('required'),
  Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
])
export type ToolChoice = Static<typeof ToolChoice>
