/** The chat page of HAIF. */
import { render } from 'preact'
import { restore } from './chat/conversations.ts'
import { keepModelsFresh } from './mesh/models.ts'
import { App } from './ui/app.tsx'
import { listenForKeys } from './ui/shortcuts.tsx'

keepModelsFresh()
listenForKeys()
await restore()
render(<App />, document.getElementById('app')!)
