/**
 * Chats as templates take them. Most take any chat. Some throw at a system message, at two messages
 * of one role in a row, at two calls in one turn or at ids in another form than their own; some
 * leave out what they have no place for. Each repair changes the messages a little, and the first
 * that helps is taken, so a chat that a template takes is never changed.
 */
import { createHash } from 'node:crypto'
import type { ChatMessage, Tool } from '#shared/contracts/inference/chat.ts'
import { described } from './tool-schema.ts'

export interface ChatInTemplate {
  messages: readonly ChatMessage[]
  tools?: readonly Tool[]
  variables?: Readonly<Record<string, unknown>>
  addGenerationPrompt?: boolean
  idOf?: (id: string) => string
  /** A call without a text has no content, rather than an empty one. */
  noEmptyContent?: boolean
  /** Past calls stand in the text of their message. */
  callsInText?: boolean
}

type Messages = readonly ChatMessage[]
type Repair = (chat: ChatInTemplate) => ChatInTemplate

/** The chat as it is, then with one repair after the other, then with several at once. */
export function* repairsOf(chat: ChatInTemplate): Generator<ChatInTemplate> {
  yield chat
  const apply = (repairs: readonly Repair[]) =>
    repairs.reduce((changed, repair) => repair(changed), chat)
  for (const repairs of ATTEMPTS) yield apply(repairs)
}

const inMessages =
  (change: (messages: Messages) => Messages): Repair =>
  (chat) => ({ ...chat, messages: change(chat.messages) })

/** The form that Mistral's templates want: nine letters or digits. */
const shortIds: Repair = (chat) => ({
  ...chat,
  idOf: (id) => createHash('sha256').update(id).digest('base64').replace(/[+/=]/g, '').slice(0, 9)
})

const fullSchemas: Repair = (chat) =>
  chat.tools === undefined ? chat : { ...chat, tools: chat.tools.map(described) }

const oneCallATurn = inMessages((messages) => {
  const turns: ChatMessage[] = []
  const moved = new Set<ChatMessage>()
  for (const [i, message] of messages.entries()) {
    const { toolCalls = [] } = message
    if (moved.has(message)) continue
    if (toolCalls.length < 2) {
      turns.push(message)
      continue
    }
    for (const [k, call] of toolCalls.entries()) {
      const first = k === 0 ? message : { role: message.role, content: '' }
      turns.push({ ...first, toolCalls: [call] })
      const result = messages.slice(i + 1).find((each) => each.toolCallId === call.id)
      if (result !== undefined && !moved.has(result)) {
        turns.push(result)
        moved.add(result)
      }
    }
  }
  return turns
})

/** A text beside calls becomes a turn of its own. */
const textBeforeCalls = inMessages((messages) =>
  messages.flatMap((message) => {
    const { role, content, toolCalls } = message
    if (toolCalls === undefined || content === '') return [message]
    return [
      { role, content },
      { ...message, content: '' }
    ]
  })
)

/** All system messages as one at the beginning. */
const systemFirst = inMessages((messages) => {
  const system = messages.filter(({ role }) => role === 'system')
  if (system.length === 0) return messages
  const content = system.map((each) => each.content).join('\n\n')
  return [{ role: 'system', content }, ...messages.filter(({ role }) => role !== 'system')]
})

/** Later system messages are what a user says; the first stays. */
const laterSystemAsUser = inMessages((messages) =>
  messages.map((message, i) =>
    message.role === 'system' && i > 0 ? { ...message, role: 'user' as const } : message
  )
)

/** For templates that know no system message: it goes before what the user says next. */
const systemAsUser = inMessages((messages) =>
  messages.map((message) =>
    message.role === 'system' ? { ...message, role: 'user' as const } : message
  )
)

const joined = inMessages((messages) => {
  const turns: ChatMessage[] = []
  for (const message of messages) {
    const last = turns.at(-1)
    const isPlain = last?.toolCalls === undefined && message.toolCalls === undefined
    if (last?.role === message.role && message.role !== 'tool' && isPlain) {
      const content = [last.content, message.content].filter((text) => text !== '').join('\n\n')
      turns[turns.length - 1] = { ...last, ...message, content }
    } else turns.push(message)
  }
  return turns
})

/** Some templates begin with the user, or need one somewhere. */
const userFirst = inMessages((messages) => {
  const at = messages[0]?.role === 'system' ? 1 : 0
  if (messages[at]?.role === 'user') return messages
  return [...messages.slice(0, at), { role: 'user', content: '' }, ...messages.slice(at)]
})

/** What OpenAI's API writes for a turn that is nothing but calls. Some templates go by it. */
const noEmptyContent: Repair = (chat) => ({ ...chat, noEmptyContent: true })

/** For templates that leave past calls out. */
const callsInText: Repair = (chat) => ({ ...chat, callsInText: true })

const resultsAsText = inMessages((messages) =>
  messages.map(({ role, ...message }) => {
    if (role !== 'tool') return { role, ...message }
    return { role: 'user', content: `<tool_response>\n${message.content}\n</tool_response>` }
  })
)

/** Some templates go through the tools without asking whether there are any. */
const emptyTools: Repair = (chat) => ({ ...chat, tools: chat.tools ?? [] })

/** From the least change to the greatest. */
const ATTEMPTS: readonly (readonly Repair[])[] = [
  [shortIds],
  [fullSchemas],
  [noEmptyContent],
  [textBeforeCalls],
  [textBeforeCalls, noEmptyContent],
  [oneCallATurn],
  [oneCallATurn, shortIds],
  [systemFirst],
  [joined],
  [laterSystemAsUser, joined],
  [systemAsUser],
  [systemAsUser, joined],
  [userFirst],
  [systemFirst, joined, userFirst],
  [systemAsUser, joined, userFirst],
  [fullSchemas, textBeforeCalls, oneCallATurn, shortIds, systemFirst, joined],
  [fullSchemas, textBeforeCalls, oneCallATurn, shortIds, systemAsUser, joined, userFirst],
  [callsInText],
  [callsInText, resultsAsText],
  [callsInText, resultsAsText, joined],
  [callsInText, resultsAsText, systemFirst, joined, userFirst],
  [callsInText, resultsAsText, systemAsUser, joined, userFirst],
  [emptyTools]
]
