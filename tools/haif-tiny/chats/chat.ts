/**
 * A chat is a list of messages. Makers in this folder produce one exchange, or a few that belong
 * together; ../corpus.ts strings them into chats.
 */
type Role = 'system' | 'user' | 'assistant'
export type Message = readonly [role: Role, content: string]

export interface Chat {
  messages: Message[]
  /** False: the prompt stands alone and the answer follows it, as in a plain completion. */
  template: boolean
}

export function exchange(question: string, answer: string): Message[] {
  return [
    ['user', question],
    ['assistant', answer]
  ]
}

export const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
export const withArticle = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`
