/** The chat page of HAIF. */
import { render } from 'preact'
import { restore } from './chat/conversations.ts'
import { refused } from '../../ui/mesh/access.ts'
import { keepModelsFresh } from '../../ui/mesh/models.ts'
import { App } from './ui/app.tsx'
import { unsent } from './ui/composer.tsx'
import { listenForKeys } from './ui/shortcuts.tsx'
import { askForTokenSoon } from '../../ui/token-panel.ts'

void begin()
listenForKeys()
await restore()
render(<App />, document.getElementById('app')!)

async function begin(): Promise<void> {
  await keepModelsFresh()
  if (refused.value !== null && unsent.value === '') askForTokenSoon()
}
