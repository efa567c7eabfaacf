/** What a conversation with a model is made of: messages, tools, and calls of them. */
import { Type, type Static } from 'typebox'
import { Media, MEDIA_MAX } from './media.ts'
import { TOOL_CALLS_MAX } from './tool-calls-max.ts'

/**
 * Characters of one prompt or message: as many as the frame of a request can carry between peers
 * (`shared/rpc/SPEC.md`), about a million tokens.
 */
export const TEXT_CHARACTERS_MAX = 4_194_304
/** An agent's loop has two messages for each call; the longest that were seen have 2,000. */
export const MESSAGES_MAX = 16_384
export const TOOLS_MAX = 512
/** Some servers put signed state into the id of a call. */
export const CALL_ID_CHARACTERS_MAX = 1024
/** Past calls may name tools of other systems, whose names are longer than those of ours. */
export const CALL_NAME_CHARACTERS_MAX = 256

/**
 * A call that the model asks for. `arguments` is the text that it wrote: JSON, unless the answer
 * was cut or the model failed.
 */
export const ToolCall = Type.Object({
  id: Type.String({ minLength: 1, maxLength: CALL_ID_CHARACTERS_MAX }),
  name: Type.String({ minLength: 1, maxLength: CALL_NAME_CHARACTERS_MAX }),
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
  /** Of a user: what stands in `content` beside its text. */
  media: Type.Optional(Type.Array(Media, { maxItems: MEDIA_MAX })),
  /** Of an assistant: what it thought before `content`. Templates decide whether it is shown. */
  reasoning: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX })),
  /** Of an assistant: what it asked for in this turn. */
  toolCalls: Type.Optional(Type.Array(ToolCall, { maxItems: TOOL_CALLS_MAX })),
  /** Of a tool: the call that this is the result of. */
  toolCallId: Type.Optional(ToolCall.properties.id)
})
export type ChatMessage = Static<typeof ChatMessage>

/**
 * A function that the model may ask to have called. `parameters` is a JSON Schema of its arguments.
 */
export const Tool = Type.Object({
  name: Type.String({ pattern: '^[a-zA-Z0-9_-]{1,128}$' }),
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
  Type.Object({ name: Type.String({ minLength: 1, maxLength: 128 }) })
])
export type ToolChoice = Static<typeof ToolChoice>
