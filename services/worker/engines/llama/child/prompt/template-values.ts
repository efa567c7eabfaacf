/** Messages and tools in the form in which chat templates read them, which is OpenAI's. */
import type { ChatMessage, Tool, ToolCall } from '#shared/contracts/inference/chat.ts'

interface TemplateFacts {
  /** The tool of each call in the conversation, by the call's id. */
  names: ReadonlyMap<string, string>
  /** True when the template gets arguments of past calls as JSON text. */
  argumentsAsText: boolean
  idOf: (id: string) => string
  /** Marks a text as a caller's. */
  given: (text: string) => unknown
}

export function toTemplateMessage(message: ChatMessage, facts: TemplateFacts): object {
  const { names, idOf, given } = facts
  const { role, toolCalls = [], toolCallId } = message
  const content = given(message.content)
  if (role === 'tool') {
    const id = toolCallId ?? ''
    const name = names.get(id)
    return { role, content, tool_call_id: idOf(id), ...(name === undefined ? {} : { name }) }
  }
  if (toolCalls.length === 0) return { role, content }
  const calls = toolCalls.map((call) => ({
    id: idOf(call.id),
    type: 'function',
    function: {
      name: call.name,
      arguments: facts.argumentsAsText ? given(call.arguments) : everyText(argumentsOf(call), given)
    }
  }))
  return { role, content, tool_calls: calls }
}

/** The past is never refused: arguments that are no JSON object are given as their text. */
function argumentsOf({ arguments: text }: ToolCall): object {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // the text below says what was written
  }
  return { raw: text }
}

function everyText(value: unknown, given: TemplateFacts['given']): unknown {
  if (typeof value === 'string') return given(value)
  if (Array.isArray(value)) return value.map((item) => everyText(item, given))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, everyText(each, given)])
  )
}

export function toTemplateTool(
  { name, description = '', parameters }: Tool,
  { given }: TemplateFacts
): object {
  const schema = parameters ?? { type: 'object', properties: {} }
  return {
    type: 'function',
    function: { name, description: given(description), parameters: withDescriptions(schema, given) }
  }
}

/** Marks the prose in a schema; its names and values stay, because templates read them. */
function withDescriptions(value: unknown, given: TemplateFacts['given']): unknown {
  if (Array.isArray(value)) return value.map((item) => withDescriptions(item, given))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const isProse = key === 'description' && typeof each === 'string'
      return [key, isProse ? given(each) : withDescriptions(each, given)]
    })
  )
}
