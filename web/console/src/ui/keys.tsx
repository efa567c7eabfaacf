/** The keys of the console: a letter after `g` opens a screen. */
import { Dialog } from '../../../ui/dialog.tsx'
import { openPanel, panel } from '../../../ui/panels.ts'
import { linkTo, type ScreenName } from '../view/route.ts'

const SCREEN_KEYS: Record<string, ScreenName> = {
  s: 'status',
  m: 'machines',
  o: 'models',
  r: 'requests',
  q: 'queue',
  j: 'jobs',
  f: 'functions',
  n: 'runs',
  u: 'usage',
  a: 'access',
  l: 'audit',
  e: 'settings'
}
const KEYS = [
  ...Object.entries(SCREEN_KEYS).map(([key, screen]) => [`g ${key}`, titled(screen)] as const),
  ['/', 'Search, where there is a search'],
  ['Esc', 'Close what is open'],
  ['?', 'This list']
] as const
/** The time in which the second key of a pair has to come. */
const PAIR_MS = 1500

export const ShortcutsPanel = () => (
  <Dialog name="shortcuts" title="Keyboard">
    <dl class="keys">
      {KEYS.map(([keys, what]) => (
        <div key={keys}>
          <dt>
            {keys.split(' ').map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  </Dialog>
)

/** For the whole page, until it is left. */
export function listenForKeys(): void {
  let goneAt = -Infinity
  document.addEventListener('keydown', (event) => {
    const { key, ctrlKey, metaKey, altKey } = event
    if (event.defaultPrevented || ctrlKey || metaKey || altKey) return
    if (panel.value !== null || isTyping(event.target)) return
    const screen = event.timeStamp - goneAt < PAIR_MS ? SCREEN_KEYS[key] : undefined
    goneAt = key === 'g' ? event.timeStamp : -Infinity
    if (screen !== undefined) location.hash = linkTo(screen)
    else if (key === '?') openPanel('shortcuts')
    else if (key === '/' && focusSearch()) event.preventDefault()
  })
}

function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>('input[type=search]')
  field?.focus()
  return field !== null
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')

function titled(screen: string): string {
  return screen.charAt(0).toUpperCase() + screen.slice(1)
}
