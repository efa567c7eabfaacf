/** Conversations as files. */
import { pathOf, type Conversation } from './tree.ts'

/** The path that is shown, to be read by people. */
export function toMarkdown(conversation: Conversation): string {
  const { title, settings, createdAt } = conversation
  const parts = [`# ${title}`, `_${new Date(createdAt).toISOString()}_`]
  if (settings.system !== '') parts.push(`> System: ${settings.system.replaceAll('\n', '\n> ')}`)
  for (const message of pathOf(conversation)) {
    const who = message.role === 'user' ? 'You' : (message.facts?.model ?? 'Model')
    parts.push(`## ${who}`, message.text)
  }
  return `${parts.join('\n\n')}\n`
}

/** Everything, every branch. */
export const toJson = (conversations: readonly Conversation[]): string =>
  `${JSON.stringify({ format: 'haif-chat/1', conversations }, null, 2)}\n`

export const fileName = (title: string, extension: string): string =>
  `${
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
      .replaceAll(/^-|-$/g, '') || 'chat'
  }.${extension}`
