/** The keys of the page: what they do, and the list of them. */
import { stopCurrent } from '../chat/asking.ts'
import { conversations, openConversation, openId } from '../chat/conversations.ts'
import { Dialog } from '../../../ui/dialog.tsx'
import { focusComposer } from '../../../ui/focus.ts'
import { closePanel, openPanel, panel, togglePanel } from '../../../ui/panels.ts'

const KEYS = [
  ['/', 'Write a message'],
  ['Enter', 'Send it'],
  ['Shift Enter', 'Begin a new line'],
  ['↑', 'Edit your last message, from an empty line'],
  ['Esc', 'Stop the answer, or close what is open'],
  ['Alt N', 'New chat'],
  ['Alt M', 'Choose a model'],
  ['Alt S', 'System prompt and settings'],
  ['Alt ↑  Alt ↓', 'Chat above, chat below'],
  ['?', 'This list']
] as const

export function ShortcutsPanel() {
  return (
    <Dialog name="shortcuts" title="Keyboard">
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys
                .split(' ')
                .filter(Boolean)
                .map((key, i) => (
                  <kbd key={i}>{key}</kbd>
                ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}

export function newChat(): void {
  openConversation(null)
  closePanel()
  focusComposer()
}

/** For the whole page, until it is left. */
export function listenForKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return
    const act = actionOf(event)
    if (act === null) return
    event.preventDefault()
    act()
  })
}

function actionOf(event: KeyboardEvent): (() => void) | null {
  const { key, code, altKey, ctrlKey, metaKey } = event
  if (key === 'Escape') return escapeAction()
  if (ctrlKey || metaKey) return null
  if (altKey) return withAlt(code)
  if (panel.value !== null || isTyping(event.target)) return null
  if (key === '/') return focusComposer
  return key === '?' ? () => openPanel('shortcuts') : null
}

/** A dialog closes by itself; the browser does that. */
function escapeAction(): (() => void) | null {
  if (panel.value === 'sidebar') return closePanel
  if (panel.value !== null) return null
  return () => void stopCurrent()
}

/** By the place of the key: with Alt some keyboards write another letter. */
function withAlt(code: string): (() => void) | null {
  switch (code) {
    case 'KeyN':
      return newChat
    case 'KeyM':
      return () => togglePanel('models')
    case 'KeyS':
      return () => togglePanel('settings')
    case 'ArrowUp':
      return () => openNeighbour(-1)
    case 'ArrowDown':
      return () => openNeighbour(1)
    default:
      return null
  }
}

function openNeighbour(step: number): void {
  const at = conversations.value.findIndex(({ id }) => id === openId.value)
  const next = conversations.value[at === -1 ? 0 : at + step]
  if (next !== undefined) openConversation(next.id)
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
