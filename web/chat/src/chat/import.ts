/** Conversations from a file that "Export all" has written. */
import { DEFAULT_SETTINGS, type Conversation } from './tree.ts'

/** Larger files are something else. */
export const IMPORT_BYTES_MAX = 268_435_456

/** Returns the conversations, or a sentence that says why the text has none. */
export function readExport(text: string): Conversation[] | string {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return 'This file is not JSON. Choose one that “Export all conversations” has written.'
  }
  if (!isRecord(parsed) || parsed['format'] !== 'haif-chat/1') {
    return 'This file is no export of HAIF’s chat page: it has no "format": "haif-chat/1".'
  }
  const all: unknown[] = Array.isArray(parsed['conversations']) ? parsed['conversations'] : []
  const found = all.flatMap((each) => conversationIn(each) ?? [])
  if (found.length < all.length) {
    return `${all.length - found.length} of its ${all.length} conversations are damaged; nothing was taken over.`
  }
  return found
}

function conversationIn(value: unknown): Conversation | null {
  if (!isRecord(value)) return null
  const { id, title, createdAt, updatedAt, messages, children, chosen, settings, model } = value
  if (typeof id !== 'string' || typeof title !== 'string') return null
  if (typeof createdAt !== 'number' || typeof updatedAt !== 'number') return null
  if (!isRecord(messages) || !Object.values(messages).every(isMessage)) return null
  if (!isRecord(children) || !Object.values(children).every(isListOfTexts)) return null
  if (!isRecord(chosen) || !Object.values(chosen).every((each) => typeof each === 'string')) {
    return null
  }
  const conversation = {
    id,
    title,
    createdAt,
    updatedAt,
    messages,
    children,
    chosen,
    settings: { ...DEFAULT_SETTINGS, ...(isRecord(settings) ? settings : {}) }
  } as Conversation
  return typeof model === 'string' ? { ...conversation, model } : conversation
}

function isMessage(value: unknown): boolean {
  if (!isRecord(value) || typeof value['id'] !== 'string') return false
  if (typeof value['text'] !== 'string') return false
  if (value['role'] === 'user') return true
  return value['role'] === 'assistant' && typeof value['reasoning'] === 'string'
}

const isListOfTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
