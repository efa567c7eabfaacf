/** Finds conversations by their words. */
import type { Conversation } from './tree.ts'

/** Those whose title or messages have every word. */
export function matching(
  conversations: readonly Conversation[],
  text: string
): readonly Conversation[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return conversations
  return conversations.filter((conversation) => {
    const all = wordsOf(conversation)
    return words.every((word) => all.includes(word))
  })
}

/** Lower case, by the state of the conversation, so that each key does not build it anew. */
const known = new WeakMap<Conversation, string>()

function wordsOf(conversation: Conversation): string {
  const before = known.get(conversation)
  if (before !== undefined) return before
  const texts = Object.values(conversation.messages).map(({ text }) => text)
  const all = [conversation.title, ...texts].join('\n').toLowerCase()
  known.set(conversation, all)
  return all
}
