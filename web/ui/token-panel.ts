/** Asking the person for a token, and going on with what they wanted once there is one. */
import { openPanel, panel } from './panels.ts'

/** What waits for a token: the message that was refused. */
let waiting: (() => void) | null = null

export function askForToken(goOn: (() => void) | null = null): void {
  waiting = goOn
  openPanel('token')
}

/** Unasked: not over a dialog in which the person may be writing. */
export function askForTokenSoon(goOn: (() => void) | null = null): void {
  if (panel.peek() === null) askForToken(goOn)
}

/** What waits, once; it is forgotten when the panel is closed. */
export function takeWaiting(): (() => void) | null {
  const taken = waiting
  waiting = null
  return taken
}
