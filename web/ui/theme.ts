/** The theme: light, dark or the system's. `public/theme.js` applies it before the first paint. */
import { signal } from '@preact/signals'
import type { IconName } from './icons.tsx'

type Theme = 'system' | 'light' | 'dark'
const KEY = 'haif.theme'
const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }

const given = document.documentElement.dataset['theme']
export const theme = signal<Theme>(given === 'light' || given === 'dark' ? given : 'system')

export const THEMES: Record<Theme, { icon: IconName; label: string }> = {
  system: { icon: 'system', label: 'Theme: as the system has it' },
  light: { icon: 'sun', label: 'Theme: light' },
  dark: { icon: 'moon', label: 'Theme: dark' }
}

export function nextTheme(): void {
  theme.value = NEXT[theme.value]
  if (theme.value === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme.value
  try {
    localStorage.setItem(KEY, theme.value)
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}
