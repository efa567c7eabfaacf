/** The panel that is open; at most one is. */
import { signal } from '@preact/signals'

export type Panel =
  | 'addMachine'
  | 'confirm'
  | 'limits'
  | 'loadModel'
  | 'models'
  | 'newSecret'
  | 'newToken'
  | 'rename'
  | 'settings'
  | 'shortcuts'
  | 'sidebar'
  | 'token'
export const panel = signal<Panel | null>(null)

export const openPanel = (which: Panel): void => {
  panel.value = which
}
export const closePanel = (): void => {
  panel.value = null
}
export const togglePanel = (which: Panel): void => {
  panel.value = panel.value === which ? null : which
}
