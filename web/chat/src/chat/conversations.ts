/** All conversations, the open one, and every change to them, which the browser keeps at once. */
import { batch, computed, signal } from '@preact/signals'
import { notify } from '../../../ui/notices.ts'
import { newId } from './new-id.ts'
import { isNearlyFull, load, loadAll, remove, save } from './storage.ts'
import {
  DEFAULT_SETTINGS,
  newConversation,
  settle,
  UNTITLED,
  type Conversation,
  type Settings
} from './tree.ts'

/** Newest first. As many as the browser has room for: no one is forgotten by itself. */
export const conversations = signal<readonly Conversation[]>([])
/** The one that is open; null: a new one that has no message yet. */
export const openId = signal<string | null>(null)
/** The settings of a new conversation. */
const draft = signal<{ model?: string; settings: Settings }>({ settings: DEFAULT_SETTINGS })

export const current = computed<Conversation | undefined>(() =>
  conversations.value.find(({ id }) => id === openId.value)
)
export const currentSettings = computed<Settings>(
  () => current.value?.settings ?? draft.value.settings
)
export const currentModel = computed<string | undefined>(() =>
  current.value === undefined ? draft.value.model : current.value.model
)

/** Other tabs of this page. */
const tabs = new BroadcastChannel('haif-chat')
const LAST_OPEN = 'haif.open'
const LAST_MODEL = 'haif.model'

/** Reads what is kept, and opens what was open. */
export async function restore(): Promise<void> {
  const model = localGet(LAST_MODEL)
  if (model !== null) draft.value = { ...draft.value, model }
  const kept = (await loadAll()).map((each) => settle(each))
  batch(() => {
    conversations.value = kept
    const last = localGet(LAST_OPEN)
    if (kept.some(({ id }) => id === last)) openId.value = last
  })
  tabs.addEventListener('message', ({ data }: MessageEvent<unknown>) => void takeOver(String(data)))
}

export function openConversation(id: string | null): void {
  openId.value = id
  localSet(LAST_OPEN, id ?? '')
}

/** A new conversation with the model and the settings of the open one. */
export function beginLikeThis(): void {
  const open = current.value
  if (open !== undefined) {
    const { model, settings } = open
    draft.value = model === undefined ? { settings } : { model, settings }
  }
  openConversation(null)
}

/** The open conversation; a new one becomes real with its first message. */
export function openOrCreate(): Conversation {
  const open = current.value
  if (open !== undefined) return open
  const { model, settings } = draft.value
  const conversation = newConversation(newId(), Date.now(), settings, model)
  conversations.value = [conversation, ...conversations.value]
  openConversation(conversation.id)
  void warnOfRoom()
  return conversation
}

/** Applies a change; `keep: false` while an answer grows, which is kept from time to time. */
export function update(
  id: string,
  change: (conversation: Conversation) => Conversation,
  { touch = false, keep = true } = {}
): void {
  const before = conversations.value.find((each) => each.id === id)
  if (before === undefined) return // deleted meanwhile
  const changed = change(before)
  const after = touch ? { ...changed, updatedAt: Date.now() } : changed
  const all = conversations.value.map((each) => (each.id === id ? after : each))
  conversations.value = touch ? all.toSorted((a, b) => b.updatedAt - a.updatedAt) : all
  if (keep) void store(after)
}

export function rename(id: string, title: string): void {
  update(id, (each) => ({ ...each, title: title.trim() === '' ? UNTITLED : title.trim() }))
}

export function deleteConversation(id: string): void {
  const gone = conversations.value.find((each) => each.id === id)
  if (gone === undefined) return
  conversations.value = conversations.value.filter((each) => each.id !== id)
  if (openId.value === id) openConversation(null)
  void remove(id).then(() => tellTabs(id))
  notify(`“${gone.title}” is deleted.`, { label: 'Undo', act: () => bringBack(gone) })
}

export function setModel(model: string): void {
  localSet(LAST_MODEL, model)
  draft.value = { ...draft.value, model }
  if (openId.value !== null) update(openId.value, (each) => ({ ...each, model }))
}

export function setSettings(settings: Settings): void {
  draft.value = { ...draft.value, settings }
  if (openId.value !== null) update(openId.value, (each) => ({ ...each, settings }))
}

function bringBack(conversation: Conversation): void {
  conversations.value = [...conversations.value, conversation].toSorted(
    (a, b) => b.updatedAt - a.updatedAt
  )
  openConversation(conversation.id)
  void store(conversation)
}

let isWarned = false

async function warnOfRoom(): Promise<void> {
  if (isWarned || !(await isNearlyFull().catch(() => false))) return
  isWarned = true
  notify('This browser has little room left for conversations. Export them, and delete some.')
}

/** Adds conversations of a file; those that are here already stay as they are. */
export function takeIn(imported: readonly Conversation[]): number {
  const known = new Set(conversations.value.map(({ id }) => id))
  const added = imported.filter(({ id }) => !known.has(id)).map((each) => settle(each))
  conversations.value = [...conversations.value, ...added].toSorted(
    (a, b) => b.updatedAt - a.updatedAt
  )
  for (const each of added) void store(each)
  return added.length
}

async function store(conversation: Conversation): Promise<void> {
  try {
    await save(conversation)
    tellTabs(conversation.id)
  } catch {
    notify('This browser has no room left to keep conversations. Delete or export some.')
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
const tellTabs = (id: string): void => tabs.postMessage(id)

/** Another tab has changed a conversation. */
async function takeOver(id: string): Promise<void> {
  const kept = await load(id)
  const others = conversations.value.filter((each) => each.id !== id)
  conversations.value = (kept === undefined ? others : [...others, kept]).toSorted(
    (a, b) => b.updatedAt - a.updatedAt
  )
}

function localGet(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null // storage is switched off
  }
}

function localSet(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Storage is switched off: it is forgotten with the page.
  }
}
