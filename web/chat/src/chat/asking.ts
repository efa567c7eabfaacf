/** The actions in a conversation: ask, retry, edit, stop, switch between branches. */
import type { NativeInferBody } from '#shared/contracts/http/infer.ts'
import type { Failure } from '../../../ui/mesh/failure.ts'
import { askForTokenSoon } from '../../../ui/token-panel.ts'
import { answer, isWriting, stop } from './answering.ts'
import { beginLikeThis, current, openId, openOrCreate, update } from './conversations.ts'
import { newId } from './new-id.ts'
import {
  add,
  canContinue,
  choose,
  emptyAnswer,
  parentOf,
  pathOf,
  pathTo,
  renew,
  reopen,
  ROOT,
  type Conversation
} from './tree.ts'

/** The contract's bound, less the system message. */
const MESSAGES_MAX = 1000

export function ask(text: string): void {
  const { id, ...conversation } = openOrCreate()
  const parent = pathOf({ id, ...conversation }).at(-1)?.id ?? ROOT
  askUnder(id, parent, text)
}

/**
 * The same question again: its new answer stands beside the old ones, or in the place of one that
 * failed before its first word.
 */
export function retry(answerId: string): void {
  const conversation = current.value
  const old = conversation?.messages[answerId]
  if (conversation === undefined || old?.role !== 'assistant') return
  stopIn(conversation)
  const questionId = parentOf(conversation, answerId)
  if (old.state !== 'failed' || old.text + old.reasoning !== '') {
    beginAnswer(conversation.id, questionId)
    return
  }
  update(conversation.id, (each) => renew(each, answerId), { touch: true })
  void writeAnswer(conversation.id, questionId, answerId)
}

/** Goes on with an answer that was stopped or cut off, also one from before a reload. */
export function goOn(answerId: string): void {
  const conversation = current.value
  const old = conversation?.messages[answerId]
  if (conversation === undefined || old?.role !== 'assistant' || !canContinue(old)) return
  stopIn(conversation)
  const { text, reasoning } = old
  update(conversation.id, (each) => reopen(each, answerId), { touch: true })
  const begun = { role: 'assistant' as const, content: text }
  const body = bodyOf(conversation, parentOf(conversation, answerId))
  const continued = {
    ...body,
    messages: [...body.messages!, begun],
    continue_final_message: true
  }
  void write(conversation.id, answerId, () =>
    answer(conversation.id, answerId, continued, { text, reasoning })
  )
}

/** The same question where nothing was said before: the model has all its room again. */
export function askInNewChat(questionId: string): void {
  const text = current.value?.messages[questionId]?.text
  if (text === undefined) return
  beginLikeThis()
  ask(text)
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
  update(conversationId, (each) => add(each, questionId, emptyAnswer(id)), { touch: true })
  void writeAnswer(conversationId, questionId, id)
}

async function writeAnswer(conversationId: string, questionId: string, id: string): Promise<void> {
  const conversation = current.value
  if (conversation === undefined) return
  await write(conversationId, id, () =>
    answer(conversationId, id, bodyOf(conversation, questionId))
  )
}

async function write(
  conversationId: string,
  id: string,
  begin: () => Promise<Failure | null>
): Promise<void> {
  const failure = await begin()
  if (failure?.code !== 'UNAUTHENTICATED') return
  askForTokenSoon(() => {
    if (openId.peek() === conversationId) retry(id)
  })
}

function bodyOf(conversation: Conversation, questionId: string): NativeInferBody {
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
