/** Short messages at the edge of the page, and announcements for screen readers. */
import { signal } from '@preact/signals'

interface Notice {
  id: number
  text: string
  action?: { label: string; act: () => void }
}

const SHOWN_MS = 7000
const NOTICES_MAX = 3
const ANNOUNCED_CHARACTERS_MAX = 1500

export const notices = signal<readonly Notice[]>([])
/** Screen readers read it when they have finished their sentence. */
export const announcement = signal('')

let lastId = 0

export function notify(text: string, action?: Notice['action']): void {
  const id = ++lastId
  const notice: Notice = action === undefined ? { id, text } : { id, text, action }
  notices.value = [...notices.value, notice].slice(-NOTICES_MAX)
  setTimeout(() => dismiss(id), SHOWN_MS)
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id)
}

/** Call it once for each event, never for each token: a screen reader could not keep up. */
export function announce(text: string): void {
  announcement.value = text.slice(0, ANNOUNCED_CHARACTERS_MAX)
}
