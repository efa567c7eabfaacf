/** Past messages, calls and their results in the form of the OpenAI protocol. */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Media, PartMedia } from '#shared/contracts/inference/media.ts'
import type { Dialect } from './dialect.ts'

export function messageFields(message: ChatMessage, dialect: Pick<Dialect, 'thoughts'>) {
  const { role, content, media = [], toolCalls = [], toolCallId, reasoning } = message
  if (media.length > 0) return { role, content: partsOf(content, media) }
  if (role === 'tool') return { role, content, tool_call_id: toolCallId ?? '' }
  const thought = thoughtFields(reasoning, dialect)
  if (toolCalls.length === 0) return { role, content, ...thought }
  const calls = toolCalls.map(({ id, name, arguments: text }) => {
    return { id, type: 'function', function: { name, arguments: objectText(text) } }
  })
  return { role, content: content === '' ? null : content, ...thought, tool_calls: calls }
}

export function thoughtFields(
  reasoning: string | undefined,
  { thoughts }: Pick<Dialect, 'thoughts'>
): Record<string, string> {
  if (reasoning === undefined || reasoning === '') return {}
  return Object.fromEntries(thoughts.map((name) => [name, reasoning]))
}

/** The text with what stands in it, in place of the words that stand for it. */
function partsOf(content: string, media: readonly Media[]): object[] {
  const parts: object[] = []
  let from = 0
  const add = (text: string) => {
    if (text !== '') parts.push({ type: 'text', text })
  }
  for (const { media: part, at, wordLength } of media) {
    add(content.slice(from, at))
    parts.push(mediaPart(part))
    from = at + wordLength
  }
  add(content.slice(from))
  return parts
}

function mediaPart(media: PartMedia): object {
  if (media.kind === 'audio') {
    return { type: 'input_audio', input_audio: { data: media.data, format: media.format } }
  }
  const { data: url, detail } = media
  return { type: 'image_url', image_url: detail === undefined ? { url } : { url, detail } }
}

/** Servers refuse a whole chat for one call that was cut, so such text goes into an object. */
function objectText(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text
  } catch {
    // It was cut, or the model failed.
  }
  return text.trim() === '' ? '{}' : JSON.stringify({ raw: text })
}
