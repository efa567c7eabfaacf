/**
 * Decides whether the last message of a chat is the beginning of the answer. Clients send one to
 * say how the answer begins, or to go on with one that was cut; llama.cpp, Ollama and Anthropic
 * continue it, too.
 */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'

/** A message with calls waits for their results and not for more text. */
export const canContinue = ({ role, toolCalls }: ChatMessage): boolean =>
  role === 'assistant' && toolCalls === undefined

type Wanted = Pick<Asked, 'responseFormat' | 'toolChoice' | 'tools'>

/** A text that does not begin what was asked for is an earlier turn. */
export function beginsAnswer(last: ChatMessage, asked: Wanted): boolean {
  if (!canContinue(last)) return false
  const { responseFormat, toolChoice = 'auto' } = asked
  if (asked.tools !== undefined && toolChoice !== 'auto' && toolChoice !== 'none') return false
  return responseFormat === undefined || JSON_BEGINS.test(last.content)
}

/** Nothing, or what a JSON object, list or text begins with. */
const JSON_BEGINS = /^\s*($|[[{"])/
