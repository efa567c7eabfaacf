/** The console of HAIF: what runs, what is wrong, and what to do. */
import { effect } from '@preact/signals'
import { render } from 'preact'
import { refused } from '../../ui/mesh/access.ts'
import { askForTokenSoon } from '../../ui/token-panel.ts'
import { followMesh } from './mesh/live.ts'
import { App } from './ui/app.tsx'
import { listenForKeys } from './ui/keys.tsx'
import { followAddress } from './ui/router.ts'

followAddress()
listenForKeys()
followMesh()
render(<App />, document.getElementById('app')!)
effect(() => {
  if (refused.value !== null) askForTokenSoon()
})
