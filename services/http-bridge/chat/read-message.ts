/** Turns a message of a chat, once its past was mended, into the one that travels. */
import type { Content, HttpChatMessage } from '#shared/contracts/http/chat.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { contentOf, textOf } from './past/parts.ts'

/** What is missing or unknown here is an error of the newest turn. */
export function readMessage(message: HttpChatMessage, index: number): ChatMessage {
  const { role, content = '', tool_calls: calls = [], tool_call_id: callId } = message
  const param = `messages[${index}].content`
  if (role === 'user') return userMessage(content, param)
  const text = textOf(content, param)
  switch (role) {
    case 'developer':
      return { role: 'system', content: text }
    case 'tool':
      return { role, content: text, ...(callId === undefined ? {} : { toolCallId: callId }) }
    case 'assistant': {
      const read: ChatMessage = { role, content: text }
      if (message.reasoning_content !== undefined) read.reasoning = message.reasoning_content
      if (calls.length > 0) {
        read.toolCalls = calls.map(({ id, function: called }) => ({ id, ...called }))
      }
      return read
    }
    case 'system':
      return { role, content: text }
  }
}

/** Only a user's turn shows or plays something. */
export function userMessage(content: Content, param: string): ChatMessage {
  const { text, media } = contentOf(content, param)
  const message: ChatMessage = { role: 'user', content: text }
  return media.length === 0 ? message : { ...message, media }
}
