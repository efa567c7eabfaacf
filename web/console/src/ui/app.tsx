/** The frame of the console, and the screen in it. */
import type { ComponentType } from 'preact'
import { NoticesHere } from './notices-here.tsx'
import { AccessScreen } from '../screens/access/access.tsx'
import { AuditScreen } from '../screens/audit.tsx'
import { FunctionsScreen } from '../screens/functions/functions.tsx'
import { RunsScreen } from '../screens/functions/runs.tsx'
import { JobsScreen } from '../screens/jobs/jobs.tsx'
import { MachinesScreen } from '../screens/machines/machines.tsx'
import { ModelsScreen } from '../screens/models.tsx'
import { QueueScreen } from '../screens/queue.tsx'
import { RequestsScreen } from '../screens/requests/requests.tsx'
import { SettingsScreen } from '../screens/settings.tsx'
import { StatusScreen } from '../screens/status.tsx'
import { UsageScreen } from '../screens/usage.tsx'
import type { ScreenName } from '../view/route.ts'
import { Dialogs } from './dialogs.tsx'
import { Nav, PhoneBar } from './nav.tsx'
import { route } from './router.ts'

const VIEWS: Record<ScreenName, ComponentType> = {
  status: StatusScreen,
  machines: MachinesScreen,
  models: ModelsScreen,
  requests: RequestsScreen,
  queue: QueueScreen,
  jobs: JobsScreen,
  functions: FunctionsScreen,
  runs: RunsScreen,
  usage: UsageScreen,
  access: AccessScreen,
  audit: AuditScreen,
  settings: SettingsScreen
}

export function App() {
  const View = VIEWS[route.value.screen]
  return (
    <>
      <a class="skip" href="#title" onClick={toTitle}>
        To the content
      </a>
      <Nav />
      <main class="main">
        <NoticesHere />
        <div class="content">
          <View key={route.value.screen} />
        </div>
      </main>
      <PhoneBar />
      <Dialogs />
    </>
  )
}

/** The address names the screen, so it cannot name a place in it as well. */
function toTitle(event: MouseEvent): void {
  event.preventDefault()
  document.getElementById('title')?.focus()
}
