/**
 * What ends a model's turn, seen in a turn that has content: an empty one would show what a
 * template writes for an answer without a thought. The model's own end tokens come besides.
 */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { ChatTemplate } from './chat-template.ts'

const SAID = 'haifProbeAnswer'
const THOUGHT = 'haifProbeThought'
const NEXT = 'haifProbeNext'

const QUESTION: ChatMessage = { role: 'user', content: 'haifProbeQuestion' }
const ANSWER: ChatMessage = { role: 'assistant', content: SAID }

/** The text that the template writes after an answer: at a chat's end, or else before the next. */
export function turnEndOf(template: ChatTemplate): string {
  const alone = after(SAID, rendered(template, [QUESTION, ANSWER]))
  if (alone.trim() !== '') return alone
  const chat = rendered(template, [QUESTION, ANSWER, { role: 'user', content: NEXT }])
  return after(SAID, chat).split(NEXT, 1)[0] ?? ''
}

/**
 * The text that the template writes between a thought and the call after it. Its marks end a part
 * of the turn and never the turn: gpt-oss ends every channel with `<|end|>`, which some files
 * declare an end token.
 */
export function innerTextOf(template: ChatTemplate): string {
  const call = { id: 'hAiFpRb01', name: SAID, arguments: '{}' }
  const thinking = { role: 'assistant' as const, content: '', reasoning: THOUGHT }
  const chat = rendered(template, [QUESTION, { ...thinking, toolCalls: [call] }])
  const from = chat.lastIndexOf(THOUGHT)
  const to = chat.lastIndexOf(SAID)
  return from === -1 || to < from ? '' : chat.slice(from + THOUGHT.length, to)
}

function rendered(template: ChatTemplate, messages: readonly ChatMessage[]): string {
  try {
    return template.renderAsIs({ messages, addGenerationPrompt: false }).text
  } catch {
    return '' // a template that takes no answers is never given one
  }
}

function after(mark: string, text: string): string {
  const at = text.lastIndexOf(mark)
  return at === -1 ? '' : text.slice(at + mark.length)
}
