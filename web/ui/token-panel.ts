/** Asks the person for a token, and goes on with their request once there is one. */
import { openPanel, panel } from './panels.ts'

/** Sends the refused message again; null when nothing waits for a token. */
let waiting: (() => void) | null = null

export function askForToken(goOn: (() => void) | null = null): void {
  waiting = goOn
  openPanel('token')
}

/** Asks unless a dialog is open, in which the person may be writing. */
export function askForTokenSoon(goOn: (() => void) | null = null): void {
  if (panel.peek() === null) askForToken(goOn)
}

/** Takes the waiting message, which is forgotten when the panel is closed. */
export function takeWaiting(): (() => void) | null {
  const taken = waiting
  waiting = null
  return taken
}
