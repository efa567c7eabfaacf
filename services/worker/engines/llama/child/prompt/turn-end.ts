/**
 * What ends a model's turn, seen in a turn that has content: an empty one would show what a
 * template writes for an answer without a thought. The model's own end tokens come besides.
 */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { ChatTemplate, ChatToRender } from './chat-template.ts'

const SAID = 'haifProbeAnswer'
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

function rendered(template: ChatTemplate, messages: readonly ChatMessage[]): string {
  const chat = { messages, addGenerationPrompt: false }
  try {
    return template.renderAsIs(chat).text
  } catch {
    return renderedOtherwise(template, chat)
  }
}

function renderedOtherwise(template: ChatTemplate, chat: ChatToRender): string {
  try {
    return template.render(chat).text
  } catch {
    return '' // a template that takes no answers is never given one
  }
}

function after(mark: string, text: string): string {
  const at = text.lastIndexOf(mark)
  return at === -1 ? '' : text.slice(at + mark.length)
}
