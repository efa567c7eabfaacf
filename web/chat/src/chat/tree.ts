/**
 * A conversation is a tree of messages: to edit a question or to retry an answer adds a sibling,
 * and nothing that was said is lost. What is shown is one path through it. All functions here are
 * pure.
 */
import type { Failure } from '../../../ui/mesh/failure.ts'

export interface AnswerFacts {
  model: string
  worker?: string
  attempts: number
  /** The speed as this page measured it. */
  firstTokenMs: number
  tokensPerSecond?: number
  tokens: number
  finishReason: string
  /** The model had no room left for the rest, though the answer was allowed to be longer. */
  contextFull?: true
  queueMs: number
}

type AnswerState = 'writing' | 'done' | 'stopped' | 'failed'

export interface Question {
  role: 'user'
  id: string
  text: string
}

export interface AnswerMessage {
  role: 'assistant'
  id: string
  text: string
  reasoning: string
  state: AnswerState
  facts?: AnswerFacts
  failure?: Failure
}

type Message = Question | AnswerMessage

export interface Settings {
  system: string
  /** Absent: the mesh's own default. */
  temperature?: number
  topP?: number
  maxTokens: number
  seed?: number
}

export interface Conversation {
  id: string
  title: string
  createdAt: number
  updatedAt: number
  /** Absent: the mesh's default. */
  model?: string
  settings: Settings
  messages: Record<string, Message>
  /** Children of a message in the order they were made; `ROOT` for the first questions. */
  children: Record<string, string[]>
  /** Which child is shown, where there are several. */
  chosen: Record<string, string>
}

export const ROOT = 'root'
export const DEFAULT_SETTINGS: Settings = { system: '', maxTokens: 1024 }
export const UNTITLED = 'New chat'
const TITLE_CHARACTERS_MAX = 60

export function newConversation(
  id: string,
  now: number,
  settings: Settings,
  model?: string
): Conversation {
  const conversation: Conversation = {
    id,
    title: UNTITLED,
    createdAt: now,
    updatedAt: now,
    settings,
    messages: {},
    children: {},
    chosen: {}
  }
  return model === undefined ? conversation : { ...conversation, model }
}

/** The messages that are shown, from the first question on. */
export function pathOf(conversation: Conversation, from = ROOT): Message[] {
  const path: Message[] = []
  let at = shownChild(conversation, from)
  while (at !== undefined) {
    const message = conversation.messages[at]
    if (message === undefined) break
    path.push(message)
    at = shownChild(conversation, at)
  }
  return path
}

export function parentOf({ children }: Conversation, id: string): string {
  for (const [parent, ids] of Object.entries(children)) if (ids.includes(id)) return parent
  return ROOT
}

/** The messages before one, as the model is to see them. */
export function pathTo(conversation: Conversation, id: string): Message[] {
  const path: Message[] = []
  let at = id
  while (at !== ROOT) {
    const message = conversation.messages[at]
    if (message === undefined) break
    path.unshift(message)
    at = parentOf(conversation, at)
  }
  return path
}

/** A message and its siblings: `index` of `count`. */
export function placeOf(conversation: Conversation, id: string): { index: number; ids: string[] } {
  const ids = conversation.children[parentOf(conversation, id)] ?? [id]
  return { index: Math.max(0, ids.indexOf(id)), ids }
}

/** Adds a message under a parent, and shows it. */
export function add(conversation: Conversation, parent: string, message: Message): Conversation {
  const siblings = conversation.children[parent] ?? []
  const { title } = conversation
  return {
    ...conversation,
    title: title === UNTITLED && message.role === 'user' ? titleOf(message.text) : title,
    messages: { ...conversation.messages, [message.id]: message },
    children: { ...conversation.children, [parent]: [...siblings, message.id] },
    chosen: { ...conversation.chosen, [parent]: message.id }
  }
}

export function choose(conversation: Conversation, id: string): Conversation {
  const chosen = { ...conversation.chosen, [parentOf(conversation, id)]: id }
  return { ...conversation, chosen }
}

export function change(
  conversation: Conversation,
  id: string,
  changed: Partial<AnswerMessage>
): Conversation {
  const message = conversation.messages[id]
  if (message?.role !== 'assistant') return conversation
  const messages = { ...conversation.messages, [id]: { ...message, ...changed } }
  return { ...conversation, messages }
}

/** An answer that is written anew in its own place. */
export function renew(conversation: Conversation, id: string): Conversation {
  const messages = { ...conversation.messages, [id]: emptyAnswer(id) }
  return { ...conversation, messages }
}

/** An answer that goes on from where it ended. */
export function reopen(conversation: Conversation, id: string): Conversation {
  const message = conversation.messages[id]
  if (message?.role !== 'assistant') return conversation
  const { text, reasoning } = message
  const messages = { ...conversation.messages, [id]: { ...emptyAnswer(id), text, reasoning } }
  return { ...conversation, messages }
}

/** True when an answer has an end that is not its own, and something to go on from. */
export const canContinue = ({ text, state, facts }: AnswerMessage): boolean =>
  text !== '' &&
  (state === 'stopped' ||
    state === 'failed' ||
    (facts?.finishReason === 'length' && facts.contextFull !== true))

export const emptyAnswer = (id: string): AnswerMessage => ({
  role: 'assistant',
  id,
  text: '',
  reasoning: '',
  state: 'writing'
})

/** An answer that was being written when the page was left ends there. */
export function settle(conversation: Conversation): Conversation {
  let settled = conversation
  for (const message of Object.values(conversation.messages)) {
    if (message.role !== 'assistant' || message.state !== 'writing') continue
    settled = change(settled, message.id, { state: 'stopped' })
  }
  return settled
}

function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0]!.replaceAll(/\s+/g, ' ')
  if (line === '') return UNTITLED
  if (line.length <= TITLE_CHARACTERS_MAX) return line
  return `${line.slice(0, TITLE_CHARACTERS_MAX).trimEnd()}…`
}

function shownChild({ children, chosen }: Conversation, id: string): string | undefined {
  const ids = children[id]
  const choice = chosen[id]
  return choice !== undefined && ids?.includes(choice) === true ? choice : ids?.at(-1)
}
