/** What a person does in a conversation: ask, retry, edit, stop, switch between branches. */
import type { NativeInferBody } from '#shared/contracts/http-infer.ts'
import { answer, isWriting, stop } from './answering.ts'
import { current, openOrCreate, update } from './conversations.ts'
import { newId } from './new-id.ts'
import { add, choose, parentOf, pathOf, pathTo, ROOT, type Conversation } from './tree.ts'

/** As the contract has it, less the system message. */
const MESSAGES_MAX = 1000

export function ask(text: string): void {
  const { id, ...conversation } = openOrCreate()
  const parent = pathOf({ id, ...conversation }).at(-1)?.id ?? ROOT
  askUnder(id, parent, text)
}

/** The same question again: its new answer stands beside the old ones. */
export function retry(answerId: string): void {
  const conversation = current.value
  if (conversation === undefined) return
  stopIn(conversation)
  beginAnswer(conversation.id, parentOf(conversation, answerId))
}

/** Another wording: a new branch beside the old one. */
export function edit(questionId: string, text: string): void {
  const conversation = current.value
  if (conversation === undefined) return
  stopIn(conversation)
  askUnder(conversation.id, parentOf(conversation, questionId), text)
}

export function show(messageId: string): void {
  const conversation = current.value
  if (conversation !== undefined) update(conversation.id, (each) => choose(each, messageId))
}

/** False when nothing is being written in the open conversation. */
export function stopCurrent(): boolean {
  return current.value === undefined ? false : stopIn(current.value)
}

function stopIn(conversation: Conversation): boolean {
  const writing = pathOf(conversation).find(({ id }) => isWriting(id))
  if (writing !== undefined) stop(writing.id)
  return writing !== undefined
}

function askUnder(conversationId: string, parent: string, text: string): void {
  const id = newId()
  update(conversationId, (each) => add(each, parent, { role: 'user', id, text }))
  beginAnswer(conversationId, id)
}

function beginAnswer(conversationId: string, questionId: string): void {
  const id = newId()
  const empty = { role: 'assistant', id, text: '', reasoning: '', state: 'writing' } as const
  update(conversationId, (each) => add(each, questionId, empty), { touch: true })
  const conversation = current.value
  if (conversation !== undefined) {
    void answer(conversationId, id, bodyOf(conversation, questionId))
  }
}

export function bodyOf(conversation: Conversation, questionId: string): NativeInferBody {
  const { settings, model } = conversation
  // An answer that failed before its first word says nothing to the model.
  const messages: NonNullable<NativeInferBody['messages']> = pathTo(conversation, questionId)
    .filter(({ text }) => text !== '')
    .slice(-MESSAGES_MAX)
    .map(({ role, text }) => ({ role, content: text }))
  if (settings.system !== '') messages.unshift({ role: 'system', content: settings.system })
  const body: NativeInferBody = { messages, max_tokens: settings.maxTokens }
  if (model !== undefined) body.model = model
  if (settings.temperature !== undefined) body.temperature = settings.temperature
  if (settings.topP !== undefined) body.top_p = settings.topP
  if (settings.seed !== undefined) body.seed = settings.seed
  return body
}
